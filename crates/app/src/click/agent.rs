//! Which visitors are programs: told from what they call themselves. A program that calls itself a browser is not found
//! here; repeated clicks and the review of conversions are for those.

/// Parts of names, in lower case, that no browser of people has.
const MARKS: &[&str] = &[
    "bot",
    "crawl",
    "spider",
    "slurp",
    "scan",
    "fetch",
    "monitor",
    "preview",
    "facebookexternalhit",
    "facebookcatalog",
    "whatsapp/",
    "skypeuripreview",
    "embedly",
    "pingdom",
    "uptime",
    "lighthouse",
    "headless",
    "phantomjs",
    "selenium",
    "puppeteer",
    "playwright",
    "curl/",
    "wget/",
    "python-",
    "python/",
    "aiohttp",
    "httpx",
    "go-http-client",
    "java/",
    "okhttp",
    "apache-httpclient",
    "libwww",
    "perl",
    "ruby",
    "php/",
    "guzzle",
    "node-fetch",
    "axios/",
    "undici",
    "postman",
    "insomnia",
    "httpie",
    "feedburner",
    "mediapartners",
    "google-read-aloud",
    "bingpreview",
    "yandex.com/",
    "ahrefs",
    "semrush",
    "dataprovider",
    "validator",
    "checker",
    "archiver",
];

/// Names of browsers and phones that a mark is part of.
const PEOPLE: &[&str] = &["cubot"];

/// Whether an agent is a program. A visitor that says nothing is one: every browser does.
pub(crate) fn is_bot(agent: Option<&str>) -> bool {
    let Some(agent) = agent else { return true };
    let mut agent = agent.to_ascii_lowercase();
    for name in PEOPLE {
        agent = agent.replace(name, "");
    }
    MARKS.iter().any(|mark| agent.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::is_bot;

    #[test]
    fn programs_are_told_from_people() {
        for agent in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 \
             Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS;FBAV/467]",
        ] {
            assert!(!is_bot(Some(agent)), "{agent}");
        }
        for agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36",
            "facebookexternalhit/1.1",
            "WhatsApp/2.23.20.0",
            "Slackbot-LinkExpanding 1.0",
            "curl/8.5.0",
            "python-requests/2.31.0",
            "Go-http-client/1.1",
        ] {
            assert!(is_bot(Some(agent)), "{agent}");
        }
        assert!(is_bot(None));
    }
}
