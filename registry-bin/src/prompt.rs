//! Passwords from whoever types them, which are never arguments: those everybody can see.

use std::io::{self, BufRead, IsTerminal, Write};

use registry_core::credentials::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The most bytes that are read as a password.
const LONGEST: u64 = 4096;

/// Why there is no password, in one sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PromptError {
    #[error(
        "standard input is no terminal to ask for a password at: say --password-stdin to read it \
         from there, or --generate to have one made"
    )]
    NoTerminal,
    #[error("the two passwords are not the same")]
    Different,
    #[error("there is no password on standard input")]
    Nothing,
    #[error("the password is not valid UTF-8, or has more than {LONGEST} bytes")]
    Unreadable,
    #[error("the password cannot be read: {0}")]
    System(#[from] io::Error),
}

/// Asks for a new password twice, without showing it.
pub(crate) fn ask(user: &str) -> Result<Secret, PromptError> {
    if !io::stdin().is_terminal() {
        return Err(PromptError::NoTerminal);
    }
    let first = hidden(&format!("password for {user}: "))?;
    let second = hidden("again: ")?;
    if first.expose() == second.expose() { Ok(first) } else { Err(PromptError::Different) }
}

/// Reads the password that another program writes: standard input's first line.
pub(crate) fn read() -> Result<Secret, PromptError> {
    line(io::stdin().lock())
}

fn hidden(question: &str) -> Result<Secret, PromptError> {
    let mut terminal = io::stderr();
    terminal.write_all(question.as_bytes())?;
    terminal.flush()?;
    let silence = Silence::start()?;
    let answer = line(io::stdin().lock());
    drop(silence);
    // The newline that was typed was not shown either.
    terminal.write_all(b"\n")?;
    answer
}

fn line(input: impl BufRead) -> Result<Secret, PromptError> {
    let mut bytes = Vec::new();
    input.take(LONGEST + 1).read_until(b'\n', &mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(PromptError::Unreadable);
    }
    let text = String::from_utf8(bytes).map_err(|_| PromptError::Unreadable)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    match text.strip_suffix('\r').unwrap_or(text) {
        "" => Err(PromptError::Nothing),
        text => Ok(Secret::new(text)),
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silence(Termios);

impl Silence {
    fn start() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // What was typed before the question is no answer to it.
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Where it fails the terminal is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line() {
        for (input, password) in [
            ("secret\n", Some("secret")),
            ("secret", Some("secret")),
            ("se cret\r\nmore\n", Some("se cret")),
            ("", None),
            ("\n", None),
        ] {
            let read = line(input.as_bytes()).ok();
            assert_eq!(read.as_ref().map(Secret::expose), password, "{input:?}");
        }
        assert!(matches!(line(&b"\xff\n"[..]), Err(PromptError::Unreadable)));
        let long = vec![b'a'; 5000];
        assert!(matches!(line(&long[..]), Err(PromptError::Unreadable)));
    }
}
