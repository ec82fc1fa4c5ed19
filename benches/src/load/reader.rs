//! The reading half of the client: one request again and again, and as little work for each answer
//! as the kernel allows. With hyper, copying bodies out of the kernel cost the client more than
//! sending them cost nginx, and the client was what was measured.

use std::io;

use hyper::{Method, StatusCode, header::ACCEPT};
use rustix::net::{RecvFlags, recv};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::TcpStream,
};

use super::{
    client::{MANIFEST, Target},
    error::LoadError,
};

/// The most bytes that one system call discards.
const DISCARD: usize = 1 << 20;

/// The most bytes of an answer's head, and of a body that arrives with it in one system call.
const HEAD: usize = 16 << 10;

/// The most headers of an answer.
const HEADERS: usize = 64;

/// A connection that sends one request again and again and throws the answers' bodies away.
#[derive(Debug)]
pub(crate) struct Reader {
    target: Target,
    method: Method,
    path: String,
    request: Vec<u8>,
    stream: TcpStream,
    /// What was read of the current answer: its head, and what came along of its body.
    answer: Vec<u8>,
    /// Where discarded bytes go on systems that must put them somewhere.
    waste: Vec<u8>,
}

impl Reader {
    /// Connects; the request accepts manifests of the kind that this tool pushes.
    pub(crate) async fn open(
        target: &Target,
        method: Method,
        path: &str,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            request: request(target, &method, path),
            target: target.clone(),
            method,
            path: path.to_owned(),
            stream: target.connect().await?,
            answer: Vec::with_capacity(HEAD),
            waste: vec![0; DISCARD],
        })
    }

    /// Sends the request and reads the answer to its end. Returns the `Content-Length`.
    pub(crate) async fn read(&mut self) -> Result<u64, LoadError> {
        let head = self.exchange().await.map_err(|source| LoadError::Broken {
            method: self.method.clone(),
            path: self.path.clone(),
            source,
        })?;
        if head.status != StatusCode::OK {
            return Err(LoadError::Status {
                method: self.method.clone(),
                path: self.path.clone(),
                expected: StatusCode::OK,
                found: head.status,
                body: String::from_utf8_lossy(&self.answer[head.size..]).into_owned(),
            });
        }
        if head.closes {
            self.stream = self.target.connect().await?;
        }
        Ok(head.length)
    }

    async fn exchange(&mut self) -> io::Result<Head> {
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        let head = loop {
            if self.answer.len() == self.answer.capacity() {
                return Err(invalid("the head of the answer is too long"));
            }
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = Head::parse(&self.answer)? {
                break head;
            }
        };
        let body = if self.method == Method::HEAD { 0 } else { head.length };
        let came = (self.answer.len() - head.size) as u64;
        let rest = body.checked_sub(came).ok_or_else(|| invalid("more came than was announced"))?;
        self.discard(rest).await?;
        Ok(head)
    }

    /// Takes that many bytes off the socket. On Linux, `MSG_TRUNC` frees them in the kernel without
    /// copying them (tcp(7)); elsewhere they are copied into one buffer.
    async fn discard(&mut self, mut rest: u64) -> io::Result<()> {
        while rest > 0 {
            let most = rest.min(DISCARD as u64) as usize;
            self.stream.readable().await?;
            let taken = self.stream.try_io(Interest::READABLE, || {
                let (_, taken) = recv(&self.stream, &mut self.waste[..most], RecvFlags::TRUNC)?;
                Ok(taken as u64)
            });
            match taken {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(taken) => rest -= taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What a [`Reader`] needs to know of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: StatusCode,
    /// The `Content-Length`.
    length: u64,
    /// Whether the connection ends with this answer.
    closes: bool,
    /// Of the head itself, in bytes.
    size: usize,
}

impl Head {
    /// `None` while the head is incomplete.
    fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        let parsed = answer.parse(bytes).map_err(io::Error::other)?;
        let httparse::Status::Complete(size) = parsed else { return Ok(None) };
        let header = |name: &str| {
            let found = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.and_then(|header| str::from_utf8(header.value).ok())
        };
        let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok());
        let length = header("content-length").and_then(|value| value.parse().ok());
        Ok(Some(Self {
            status: status.ok_or_else(|| invalid("the answer has no status"))?,
            length: length.ok_or_else(|| invalid("the answer has no Content-Length"))?,
            closes: header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
            size,
        }))
    }
}

fn request(target: &Target, method: &Method, path: &str) -> Vec<u8> {
    let mut request = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
    for (name, value) in target.headers().iter().chain([(&ACCEPT, &MANIFEST)]) {
        request.extend_from_slice(name.as_str().as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 12\r\n\r\n{\"a\":";

    #[test]
    fn a_head_ends_where_the_body_begins() {
        let head = Head::parse(ANSWER).expect("valid").expect("complete");
        let size = ANSWER.len() - 5;
        assert_eq!(head, Head { status: StatusCode::OK, length: 12, closes: false, size });
    }

    #[test]
    fn half_a_head_is_not_yet_one() {
        for length in 0..ANSWER.len() - 5 {
            assert_eq!(Head::parse(&ANSWER[..length]).expect("valid so far"), None, "{length}");
        }
    }

    #[test]
    fn an_answer_may_close_the_connection() {
        let text = b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        let head = Head::parse(text).expect("valid").expect("complete");
        assert!(head.closes);
        assert_eq!(head.status, StatusCode::NOT_FOUND);
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        for text in [
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"hello\r\n\r\n",
        ] {
            assert!(Head::parse(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}
