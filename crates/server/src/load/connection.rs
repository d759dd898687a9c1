//! One keep-alive connection: writes a request, reads the answer, and knows when that is whole.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// Answers are short; one longer than this is no answer of ours.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// How it stands with the connection's request.
pub(super) enum Outcome {
    /// Under way, or there is none.
    Pending,
    /// Answered with success; when it was due.
    Acknowledged(Instant),
    /// Answered with something else.
    Refused,
    /// The connection broke before the answer was whole.
    Lost,
}

/// A connection; it remembers its request until the next, to send it again.
pub(super) struct Connection {
    stream: TcpStream,
    token: Token,
    request: Vec<u8>,
    written: usize,
    /// When the last request was due.
    due: Instant,
    under_way: bool,
    answer: Vec<u8>,
    /// The stream is of no more use.
    broken: bool,
}

impl Connection {
    pub(super) fn open(target: SocketAddr, at: usize, registry: &Registry) -> io::Result<Self> {
        let token = Token(at);
        let stream = connect(target, token, registry)?;
        Ok(Self {
            stream,
            token,
            request: Vec::new(),
            written: 0,
            due: Instant::now(),
            under_way: false,
            answer: Vec::new(),
            broken: false,
        })
    }

    /// Begins a request; takes its bytes and leaves a buffer to fill for the next.
    pub(super) fn send(
        &mut self,
        due: Instant,
        request: &mut Vec<u8>,
        target: SocketAddr,
        registry: &Registry,
    ) -> io::Result<Outcome> {
        std::mem::swap(&mut self.request, request);
        self.due = due;
        self.resend(target, registry)
    }

    /// Begins the last request again, on a new connection where the old one broke.
    pub(super) fn resend(&mut self, target: SocketAddr, registry: &Registry) -> io::Result<Outcome> {
        if self.broken {
            self.stream = connect(target, self.token, registry)?;
            self.broken = false;
        }
        Ok(self.begin())
    }

    /// The socket can be written or read.
    pub(super) fn ready(&mut self, event: &Event) -> Outcome {
        if !self.under_way {
            self.broken |= event.is_read_closed() || event.is_error();
            return Outcome::Pending;
        }
        if event.is_writable() && self.flush().is_err() {
            return self.lost();
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            let outcome = self.read();
            // The last answer may come with the end of the connection, which is told only once.
            self.broken |= event.is_read_closed();
            return outcome;
        }
        Outcome::Pending
    }

    fn begin(&mut self) -> Outcome {
        self.written = 0;
        self.answer.clear();
        self.under_way = true;
        match self.flush() {
            Ok(()) => Outcome::Pending,
            Err(_) => self.lost(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while let Some(rest) = self.request.get(self.written..)
            && !rest.is_empty()
        {
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.written += written,
                // Full, or not connected yet: an event will tell.
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Outcome {
        let mut buffer = [0; 2048];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return self.lost(),
                Ok(read) => {
                    self.answer.extend_from_slice(buffer.get(..read).unwrap_or_default());
                    if self.answer.len() > ANSWER_BYTES_MAX {
                        return self.lost();
                    }
                    if let Some(answer) = whole(&self.answer) {
                        return self.answered(answer);
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {
                    return Outcome::Pending;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.lost(),
            }
        }
    }

    fn answered(&mut self, answer: Answer) -> Outcome {
        self.under_way = false;
        self.broken |= answer.closes;
        if (200..300).contains(&answer.status) { Outcome::Acknowledged(self.due) } else { Outcome::Refused }
    }

    fn lost(&mut self) -> Outcome {
        self.under_way = false;
        self.broken = true;
        Outcome::Lost
    }
}

fn connect(target: SocketAddr, token: Token, registry: &Registry) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(target)?;
    // Requests are written whole; nothing may wait for more.
    let _ = stream.set_nodelay(true);
    registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(stream)
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// The server takes no further request on this connection.
    closes: bool,
}

/// Reads an answer, once all of it is there.
fn whole(answer: &[u8]) -> Option<Answer> {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head_text = std::str::from_utf8(answer.get(..head)?).unwrap_or_default();
    let status = head_text.get(9..12)?.parse().unwrap_or(0);
    let (mut body, mut closes) = (0, false);
    for (name, value) in head_text.split("\r\n").filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            body = value.trim().parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.trim().eq_ignore_ascii_case("close");
        }
    }
    (answer.len() >= head + 4 + body).then_some(Answer { status, closes })
}

#[cfg(test)]
mod tests {
    use super::{Answer, whole};

    #[test]
    fn an_answer_is_whole_with_its_body() {
        let whole = |bytes| whole(bytes).map(|answer| answer.status);
        assert_eq!(whole(b"HTTP/1.1 204 No Content\r\ndate: x\r\n"), None);
        assert_eq!(whole(b"HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n"), Some(204));
        assert_eq!(whole(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nfull"), None);
        assert_eq!(whole(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nfull!"), Some(503));
        assert_eq!(whole(b"garbage that is not HTTP\r\n\r\n"), Some(0));
    }

    #[test]
    fn an_answer_tells_when_it_is_the_last() {
        let last = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
        assert_eq!(whole(last), Some(Answer { status: 400, closes: true }));
        let more = b"HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n";
        assert_eq!(whole(more), Some(Answer { status: 204, closes: false }));
    }
}
