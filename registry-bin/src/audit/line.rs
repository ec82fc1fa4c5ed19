//! An event as a line.

use registry_core::{
    identity::{CredentialKind, PrincipalKind},
    ports::AuditEvent,
};
use serde::Serialize;

/// The fields of a line, in their order. What there is none of is left out.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    action: &'a str,
    outcome: &'a str,
    principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_id: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    resource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
}

/// The event as one line that ends with a newline.
pub(super) fn of(event: &AuditEvent) -> String {
    let principal = &event.principal;
    let line = Line {
        time: humantime::format_rfc3339_millis(event.time).to_string(),
        action: event.action.as_str(),
        outcome: event.outcome.as_str(),
        principal: match principal.kind() {
            PrincipalKind::Anonymous => "anonymous".to_owned(),
            _ => principal.owner(),
        },
        credential: word(principal.credential()),
        credential_id: principal.key_id(),
        resource: &event.resource,
        reason: event.reason.as_deref(),
        request_id: &event.request_id,
        peer: event.peer.map(|peer| peer.to_canonical().to_string()),
    };
    let text = serde_json::to_string(&line).expect("a line is made of strings");
    let mut line = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // JSON lets some of them stand as they are, but a terminal would obey them.
        if c.is_control() {
            line.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

fn word(credential: CredentialKind) -> Option<&'static str> {
    match credential {
        CredentialKind::Password => Some("password"),
        CredentialKind::UserKey => Some("user-key"),
        CredentialKind::ProjectKey => Some("project-key"),
        CredentialKind::RunnerToken => Some("runner-token"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use registry_core::{
        identity::Principal,
        ports::{AuditAction, AuditOutcome},
    };

    use super::*;

    #[test]
    fn a_line_says_what_is_known_and_no_more() {
        let push = AuditAction::Push;
        let event = AuditEvent::new(UNIX_EPOCH, Principal::anonymous(), push, "");
        assert_eq!(
            of(&event),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"action\":\"push\",\"outcome\":\"done\",\
             \"principal\":\"anonymous\"}\n"
        );
        let alice = Principal::new(PrincipalKind::User, "alice")
            .with_credential(CredentialKind::UserKey, Some("0123"));
        let mut event = AuditEvent::new(UNIX_EPOCH, alice, push, "a/b:v1");
        event.request_id = "r1".into();
        event.peer = Some("::ffff:10.0.0.1".parse().unwrap());
        event.outcome = AuditOutcome::Refused;
        event.reason = Some("no rule allows it".to_owned());
        assert_eq!(
            of(&event),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"action\":\"push\",\"outcome\":\"refused\",\
             \"principal\":\"user:alice\",\"credential\":\"user-key\",\"credential_id\":\"0123\",\
             \"resource\":\"a/b:v1\",\"reason\":\"no rule allows it\",\"request_id\":\"r1\",\
             \"peer\":\"10.0.0.1\"}\n"
        );
    }

    #[test]
    fn whatever_somebody_sends_a_line_is_one_line_that_commands_no_terminal() {
        let odd = "a\r\n{\"forged\":true}\n\u{1b}[2J\u{9b}2J\u{7f}\0\"\\";
        let alice = Principal::new(PrincipalKind::User, odd);
        let event = AuditEvent::new(UNIX_EPOCH, alice, AuditAction::Login, odd);
        let line = of(&event);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.trim_end_matches('\n').chars().any(char::is_control), "{line:?}");
        let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(read["resource"], odd);
    }
}
