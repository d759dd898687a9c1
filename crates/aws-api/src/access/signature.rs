//! Signature version 4: what a request claims, and whether the key that it names made it.
//! (AWS General Reference, "Signing AWS API requests".)

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use http::request::Parts;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::AccessKeys;
use super::keys::AccessKey;
use crate::protocol::Fault;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far a request's clock may be off, in seconds.
const SKEW_S: i64 = 300;
/// What is not escaped in a canonical path.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What the `Authorization` header of a request says.
#[derive(Clone, Debug)]
pub(crate) struct Claim<'a> {
    key: &'a str,
    date: &'a str,
    pub(crate) region: &'a str,
    service: &'a str,
    signed: &'a str,
    signature: &'a str,
    /// `20150830T123600Z`
    time: String,
}

impl<'a> Claim<'a> {
    /// Reads it from a request's head.
    pub(crate) fn read(head: &'a Parts) -> Result<Self, Fault> {
        let in_query = head.uri.query().is_some_and(|query| query.contains("X-Amz-Algorithm"));
        let Some(header) = text(&head.headers, "authorization") else {
            return Err(match in_query {
                true => Fault::new("IncompleteSignatureException", in_query_text(head.uri.query().unwrap_or_default())),
                false => Fault::new("MissingAuthenticationTokenException", "Missing Authentication Token"),
            });
        };
        if in_query {
            return Err(Fault::new(
                "InvalidSignatureException",
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
            ));
        }
        let incomplete =
            |missing: &str| Fault::new("IncompleteSignatureException", format!("{missing} Authorization={header}"));
        let (algorithm, rest) = header.split_once(' ').unwrap_or((header, ""));
        let parameter =
            |name: &str| rest.split([',', ' ']).find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        let (credential, signature, signed) =
            (parameter("Credential"), parameter("Signature"), parameter("SignedHeaders"));
        let time = time(&head.headers);
        let mut missing = String::new();
        for (name, found) in [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed)] {
            if found.is_none_or(str::is_empty) {
                missing += &format!("Authorization header requires '{name}' parameter. ");
            }
        }
        if time.is_none() {
            missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
        }
        let (Some(credential), Some(signature), Some(signed), Some(time)) = (credential, signature, signed, time)
        else {
            return Err(incomplete(missing.trim_end()));
        };
        if algorithm != ALGORITHM {
            return Err(incomplete(&format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
        }
        let mut scope = credential.split('/');
        let scope = (scope.next(), scope.next(), scope.next(), scope.next(), scope.next(), scope.next());
        let (Some(key), Some(date), Some(region), Some(service), Some("aws4_request"), None) = scope else {
            return Err(incomplete(&format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'."
            )));
        };
        Ok(Self { key, date, region, service, signed, signature, time })
    }

    fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

/// What is wrong with a signature in the query string.
fn in_query_text(query: &str) -> String {
    let given = |name: &str| {
        query.split('&').any(|part| part.split_once('=').is_some_and(|(key, value)| key == name && !value.is_empty()))
    };
    let names = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];
    let missing = names.iter().filter(|name| !given(name));
    let missing: String = missing.map(|name| format!("AWS query-string parameters must include '{name}'. ")).collect();
    match missing.is_empty() {
        true => "Signatures in the query string are not taken here; sign with the 'Authorization' header.".to_owned(),
        false => missing + "Re-examine the query-string parameters.",
    }
}

/// The key that signed the request.
pub(crate) fn verify(
    claim: &Claim<'_>,
    head: &Parts,
    body: &[u8],
    service: &str,
    keys: &AccessKeys,
    now: Timestamp,
) -> Result<AccessKey, Fault> {
    let Some(key) = keys.find(claim.key) else {
        return Err(Fault::new(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ));
    };
    if claim.service != service {
        return Err(invalid(format!("Credential should be scoped to correct service: '{service}'. ")));
    }
    check_time(claim, now)?;
    let signed_host = claim.signed.split(';').any(|name| name == "host" || name == ":authority");
    if !signed_host {
        return Err(invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".into()));
    }
    let canonical = canonical(claim, head, body)?;
    let to_sign = format!("{ALGORITHM}\n{}\n{}\n{}", claim.time, claim.scope(), hex(&Sha256::digest(canonical)));
    let mut signing = format!("AWS4{}", key.secret()).into_bytes();
    for part in [claim.date, claim.region, claim.service, "aws4_request", to_sign.as_str()] {
        signing = hmac(&signing, part.as_bytes())?.finalize().into_bytes().to_vec();
    }
    // Compared without telling, by the time it takes, how much of it is right.
    let told = claim.signature.as_bytes();
    let right = hex(&signing);
    let differ = right.bytes().zip(told).fold(0, |differ, (a, b)| differ | (a ^ b));
    if right.len() != told.len() || differ != 0 {
        return Err(invalid(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details."
                .into(),
        ));
    }
    Ok(key)
}

fn check_time(claim: &Claim<'_>, now: Timestamp) -> Result<(), Fault> {
    let form = "%Y%m%dT%H%M%SZ";
    let stated = DateTime::strptime(form, &claim.time).and_then(|time| time.to_zoned(TimeZone::UTC));
    let Ok(stated) = stated.map(|time| time.timestamp()) else {
        return Err(invalid(format!("Date must be in ISO-8601 'basic format'. Got '{}'.", claim.time)));
    };
    if !claim.time.starts_with(claim.date) {
        return Err(invalid(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}'",
            claim.date,
            claim.time.get(..8).unwrap_or_default()
        )));
    }
    let (shown, skew) = (now.strftime(form), jiff::SignedDuration::from_secs(SKEW_S));
    if stated < now - skew {
        let limit = (now - skew).strftime(form);
        return Err(invalid(format!(
            "Signature expired: {} is now earlier than {limit} ({shown} - 5 min.)",
            claim.time
        )));
    }
    if stated > now + skew {
        let limit = (now + skew).strftime(form);
        return Err(invalid(format!(
            "Signature not yet current: {} is still later than {limit} ({shown} + 5 min.)",
            claim.time
        )));
    }
    Ok(())
}

fn canonical(claim: &Claim<'_>, head: &Parts, body: &[u8]) -> Result<String, Fault> {
    let path = utf8_percent_encode(head.uri.path(), &UNRESERVED);
    let mut query: Vec<String> = (head.uri.query().unwrap_or_default().split('&').filter(|part| !part.is_empty()))
        .map(|part| if part.contains('=') { part.to_owned() } else { format!("{part}=") })
        .collect();
    query.sort_unstable();
    let mut headers = String::new();
    for name in claim.signed.split(';') {
        let mut values: Vec<String> = head.headers.get_all(name).iter().map(folded).collect();
        if values.is_empty() && name == "host" {
            // HTTP/2 has the host in the URI.
            values.extend(head.uri.authority().map(ToString::to_string));
        }
        if values.is_empty() {
            return Err(invalid(format!("The signed header '{name}' is not in the request.")));
        }
        headers += &format!("{name}:{}\n", values.join(","));
    }
    let payload = hex(&Sha256::digest(body));
    Ok(format!("{}\n{path}\n{}\n{headers}\n{}\n{payload}", head.method, query.join("&"), claim.signed))
}

/// A header's value with its runs of spaces made one.
fn folded(value: &http::HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `X-Amz-Date`, or `Date` in the same form.
fn time(headers: &HeaderMap) -> Option<String> {
    if let Some(time) = text(headers, "x-amz-date") {
        return Some(time.to_owned());
    }
    let date = text(headers, "date")?;
    let parsed = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(parsed.timestamp().strftime("%Y%m%dT%H%M%SZ").to_string())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn hmac(key: &[u8], data: &[u8]) -> Result<Hmac<Sha256>, Fault> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| Fault::internal(&error))?;
    mac.update(data);
    Ok(mac)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn invalid(message: String) -> Fault {
    Fault::new("InvalidSignatureException", message)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn the_example_of_the_signature_test_suite_gives_its_signature() {
        // AWS Signature Version 4 test suite, `get-vanilla`.
        let request = Request::get("http://example.amazonaws.com/")
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            );
        let (head, ()) = request.body(()).unwrap().into_parts();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keys.json");
        let key = r#"[{"id":"AKIDEXAMPLE","name":"x","role":"admin","created_ms":0,"secret":"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}]"#;
        std::fs::write(&file, key).unwrap();
        let keys = AccessKeys::open(&file).unwrap();
        let claim = Claim::read(&head).unwrap();
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let check = |body: &[u8], service, now| verify(&claim, &head, body, service, &keys, now).map(|key| key.name);
        assert_eq!(check(b"", "service", at("2015-08-30T12:36:00Z")), Ok("x".into()));
        let said = |fault: Result<String, Fault>| fault.unwrap_err().message.unwrap();
        assert!(said(check(b"x", "service", at("2015-08-30T12:36:00Z"))).contains("does not match"));
        assert!(said(check(b"", "kinesis", at("2015-08-30T12:36:00Z"))).contains("correct service: 'kinesis'"));
        assert_eq!(
            said(check(b"", "service", at("2015-08-30T12:41:01Z"))),
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)"
        );
        assert!(said(check(b"", "service", at("2015-08-30T12:00:00Z"))).contains("not yet current"));
    }

    #[test]
    fn what_is_missing_is_told() {
        let read = |authorization: Option<&str>| {
            let mut request = Request::post("http://h/");
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let (head, ()) = request.body(()).unwrap().into_parts();
            Claim::read(&head).map(|_| ()).unwrap_err()
        };
        assert_eq!(read(None).kind, "MissingAuthenticationTokenException");
        let said = read(Some("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request")).message.unwrap();
        assert!(said.starts_with("Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either"), "{said}");
    }
}
