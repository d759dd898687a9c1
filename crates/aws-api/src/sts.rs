//! The one operation of AWS's Security Token Service that clients of the others call: GetCallerIdentity, by which the
//! Kinesis Producer Library learns the account of its streams. It comes as a form, and is answered in XML.

use percent_encoding::percent_decode;

use crate::access::Caller;
use crate::protocol::Fault;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The service.
#[derive(Debug)]
pub(crate) struct Sts {
    account: String,
}

impl Sts {
    pub(crate) const SIGNING_NAME: &'static str = "sts";
    pub(crate) const CONTENT_TYPE: &'static str = "text/xml";

    pub(crate) fn new(account: &str) -> Self {
        Sts { account: account.to_owned() }
    }

    /// The status and the body of the answer to a form.
    pub(crate) fn answer(&self, form: &[u8], caller: Result<Caller, Fault>, request: &str) -> (u16, String) {
        let action = value(form, "Action").unwrap_or_default();
        if action != "GetCallerIdentity" {
            let version = value(form, "Version").unwrap_or_default();
            let said = format!("Could not find operation {action} for version {version}");
            return (400, error("InvalidAction", &said, request));
        }
        let caller = match caller {
            Ok(caller) => caller,
            Err(fault) => {
                return (403, error(own_name(fault.kind), fault.message.as_deref().unwrap_or_default(), request));
            }
        };
        let (account, id) = (&self.account, caller.key.as_ref().map(|(name, _)| escaped(name)));
        let (arn, id) = match id {
            Some(name) => (format!("arn:aws:iam::{account}:user/{name}"), name),
            None => (format!("arn:aws:iam::{account}:root"), account.clone()),
        };
        let body = format!(
            "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\">\n  <GetCallerIdentityResult>\n    <Arn>{arn}</Arn>\n    \
             <UserId>{id}</UserId>\n    <Account>{account}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
             <RequestId>{request}</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n"
        );
        (200, body)
    }
}

/// The service has names of its own for what is wrong with a signature.
fn own_name(kind: &'static str) -> &'static str {
    match kind {
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "UnrecognizedClientException" => "InvalidClientTokenId",
        kind => kind.trim_end_matches("Exception"),
    }
}

/// Whether a body is declared as a form.
pub(crate) fn is_form(content_type: &str) -> bool {
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn value(form: &[u8], name: &str) -> Option<String> {
    let mut fields = form.split(|byte| *byte == b'&');
    let value = fields.find_map(|field| field.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    percent_decode(value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn error(code: &str, message: &str, request: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>{}</Code>\n    \
         <Message>{}</Message>\n  </Error>\n  <RequestId>{request}</RequestId>\n</ErrorResponse>\n",
        escaped(code),
        escaped(message)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
