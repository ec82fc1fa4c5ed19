//! A bare TCP connection, for requests that no HTTP client would write.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    failure::{Failure, Outcome},
    target::Server,
};

/// A connection on which a row writes its bytes itself.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    server: Server,
    read: Vec<u8>,
}

/// A reply as it stood on the wire.
#[derive(Debug)]
pub(crate) struct RawReply {
    pub(crate) status: u16,
    /// The header lines, names in lower case.
    headers: Vec<(String, String)>,
}

impl Connection {
    pub(crate) async fn open(server: &Server) -> Outcome<Self> {
        let stream = TcpStream::connect(&server.base.authority).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, server: server.clone(), read: Vec::new() })
    }

    /// Writes a request line and header lines, and the empty line; adds `Host` and credentials.
    pub(crate) async fn head(&mut self, line: &str, headers: &[&str]) -> Outcome {
        let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
        let prefix = if rest.starts_with('/') { self.server.base.prefix.as_str() } else { "" };
        let mut head = format!("{method} {prefix}{rest} HTTP/1.1\r\n");
        head.push_str(&format!("host: {}\r\n", self.server.base.authority));
        if let Some(login) = &self.server.login {
            head.push_str(&format!("authorization: {}\r\n", login.password.to_str()?));
        }
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        self.write(head.as_bytes()).await
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Outcome {
        self.stream.write_all(bytes).await?;
        Ok(())
    }

    /// Says that nothing more will be written.
    pub(crate) async fn finish(&mut self) -> Outcome {
        self.stream.shutdown().await?;
        Ok(())
    }

    /// The next reply's status and headers. The body, if any, stays unread.
    pub(crate) async fn reply(&mut self) -> Outcome<RawReply> {
        let end = loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                break end;
            }
            if self.fill().await? == 0 {
                return Err(Failure::new("the registry closed the connection without a reply"));
            }
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        self.read.drain(..end + 4);
        RawReply::parse(&head)
    }

    /// What follows until the registry ends the connection.
    pub(crate) async fn rest(mut self) -> Outcome<Vec<u8>> {
        while self.fill().await? > 0 {}
        Ok(self.read)
    }

    async fn fill(&mut self) -> Outcome<usize> {
        Ok(self.stream.read_buf(&mut self.read).await?)
    }
}

impl RawReply {
    fn parse(head: &str) -> Outcome<Self> {
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| Failure::new(format!("no HTTP reply: {head:?}")))?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Self { status, headers })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn status_in(&self, expected: &[u16]) -> Outcome {
        if expected.contains(&self.status) {
            return Ok(());
        }
        Err(Failure::new(format!("expected: status in {expected:?}\ncame:     {self:?}")))
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
