//! Hosts: those a program's links may lead to, and those that are its own for tracking.

use std::fmt;

/// Why a text is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is no host; expected a name such as {expected}")]
pub struct HostError {
    /// What came.
    pub value: String,
    /// What would be right.
    pub expected: &'static str,
}

/// The name of a host in lower case, without port: `shop.example.com`, `localhost`, `127.0.0.1`, `[::1]`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(String);

impl Host {
    /// Reads a name of a host in any case. International names come in their ASCII form.
    pub fn parse(text: &str) -> Result<Host, HostError> {
        let host = text.trim().to_ascii_lowercase();
        let is_name = is_name(&host) || is_address(&host);
        is_name.then_some(Host(host)).ok_or_else(|| HostError {
            value: text.chars().take(80).collect(),
            expected: "shop.example.com, in its ASCII form and without https:// and port",
        })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_address(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<core::net::Ipv6Addr>().is_ok())
}

/// Hosts that destinations may name: one, or with `*.` in front all below one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPattern(String);

impl HostPattern {
    /// Reads `shop.example.com` or `*.example.com`. A wildcard needs two labels at least, so that it never means a whole
    /// top-level domain.
    pub fn parse(text: &str) -> Result<HostPattern, HostError> {
        let lower = text.trim().to_ascii_lowercase();
        let below = lower.strip_prefix("*.");
        let is_pattern = match below {
            Some(below) => is_name(below) && below.contains('.'),
            None => Host::parse(&lower).is_ok(),
        };
        is_pattern.then_some(HostPattern(lower)).ok_or_else(|| HostError {
            value: text.chars().take(80).collect(),
            expected: "shop.example.com or *.example.com, without https://, port and path",
        })
    }

    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn matches(&self, host: &str) -> bool {
        is_match(&self.0, host)
    }
}

impl fmt::Debug for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

fn is_match(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => pattern == host,
    }
}

/// Whether a host is among those allowed; a wildcard means every host below its name, not the name itself.
pub fn is_allowed(host: &Host, allowed: &[HostPattern]) -> bool {
    allowed.iter().any(|pattern| pattern.matches(host.as_str()))
}
