//! Addresses that can be called: what is read of one, and where a redirect leads from it.

use hyper::Uri;

use super::HttpError;

/// Where to go, from an address.
pub(super) struct Target {
    pub(super) uri: Uri,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_secure: bool,
}

/// Reads an address.
pub(super) fn read(url: &str) -> Result<Target, HttpError> {
    let refuse = |message: &str| HttpError::Address(message.to_owned());
    let uri: Uri = url.parse().map_err(|error| refuse(&format!("the address does not read ({error})")))?;
    let is_secure = match uri.scheme_str() {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => true,
        Some(scheme) if scheme.eq_ignore_ascii_case("http") => false,
        _ => return Err(refuse("the address begins neither with https:// nor with http://")),
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(refuse("the address names a user, which is not understood"));
    }
    let (host, rest) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((number, rest)) if number.parse::<std::net::Ipv6Addr>().is_ok() => (number, rest),
        Some((number, _)) => return Err(refuse(&format!("{number:?} is no address of IPv6"))),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    if host.is_empty() {
        return Err(refuse("the address names no host"));
    }
    if !host.contains(':') && !is_name(host) {
        return Err(refuse(&format!("{host:?} is no name or number of a server")));
    }
    let port = match rest.strip_prefix(':') {
        None | Some("") if is_secure => 443,
        None | Some("") => 80,
        Some(port) => port
            .parse()
            .ok()
            .filter(|number| *number != 0 && port.bytes().all(|digit| digit.is_ascii_digit()))
            .ok_or_else(|| refuse(&format!("{port:?} is no port, which is a number from 1 to 65535")))?,
    };
    let host = host.to_owned();
    Ok(Target { uri, host, port, is_secure })
}

/// Whether a name can be looked up. Names of other scripts are written in the letters that the net knows (RFC 5891).
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(is_letter)
    };
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(is_label)
}

impl Target {
    /// Where a redirect of this address leads (RFC 3986 §5.2).
    pub(super) fn absolute(&self, location: &str) -> String {
        let location = location.split('#').next().unwrap_or_default();
        if has_scheme(location) {
            return location.to_owned();
        }
        let scheme = if self.is_secure { "https" } else { "http" };
        if location.starts_with("//") {
            return format!("{scheme}:{location}");
        }
        let (path, query) = match location.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (location, None),
        };
        let (path, query) = if path.is_empty() {
            (self.uri.path().to_owned(), query.or(self.uri.query()))
        } else if path.starts_with('/') {
            (without_dots(path), query)
        } else {
            let folder = self.uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            (without_dots(&format!("{folder}/{path}")), query)
        };
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("{scheme}://{authority}{path}{query}")
    }
}

fn has_scheme(location: &str) -> bool {
    let first = location.split(['/', '?']).next().unwrap_or_default();
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    first.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(letter)
    })
}

/// A path from the root without its `.` and `..`.
fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_the_standard_says() {
        // The examples of RFC 3986 §5.4, where they are of HTTP and have no fragment of their own.
        let target = read("http://a/b/c/d;p?q").expect("an address");
        for (location, expected) in [
            ("http://g/h", "http://g/h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("a/b:c", "http://a/b/c/a/b:c"),
            ("file:///etc/passwd", "file:///etc/passwd"),
        ] {
            assert_eq!(target.absolute(location), expected, "{location}");
        }
        let secure = read("https://a:8443").expect("an address");
        assert_eq!(secure.absolute("x"), "https://a:8443/x");
        assert_eq!(secure.absolute("//b/x"), "https://b/x");
    }

    #[test]
    fn addresses_are_read() {
        let shown = |url: &str| match read(url) {
            Ok(target) => format!("{} {} {}", target.host, target.port, target.is_secure),
            Err(error) => error.to_string(),
        };
        for (url, expected) in [
            ("http://example.com", "example.com 80 false"),
            ("HTTPS://Example.com:/x", "Example.com 443 true"),
            ("http://[::1]:8080/", "::1 8080 false"),
            ("http://a_b.example.com.:65535/?x=\u{e4}", "a_b.example.com. 65535 false"),
            ("http://a:65536/", "\"65536\" is no port, which is a number from 1 to 65535"),
            ("http://a:0/", "\"0\" is no port, which is a number from 1 to 65535"),
            ("http://a..b/", "\"a..b\" is no name or number of a server"),
        ] {
            assert_eq!(shown(url), expected, "{url}");
        }
        for url in [
            "http://[::g]/",
            "http://a%00.b/",
            "http://\u{2460}/",
            "http://a/<",
            "http:///x",
            "http://a:x/",
            "a",
        ] {
            assert!(matches!(read(url), Err(HttpError::Address(_))), "{url}: {}", shown(url));
        }
    }
}
