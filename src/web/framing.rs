//! Watches the bytes of an HTTP/1 connection for line ends that two readers may take differently. Never changes a byte:
//! it only says that nothing after such a request may be believed.
//!
//! hyper takes a bare line feed for a line end and cannot be told not to. A proxy in front that does not would see another
//! end of the head than we do, and so could let a second request through unseen.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Enough of a header line to know whether it is one of the two that say where a body ends, and what it says.
const LINE_BYTES_KEPT: usize = 64;
const CONTENT_LENGTH: &[u8] = b"content-length:";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";
const HTTP_2: &[u8] = b"pri * http/2";

/// A connection whose heads are watched.
pub(super) struct Watched {
    stream: TcpStream,
    framing: Framing,
    is_odd: Arc<AtomicBool>,
}

impl Watched {
    /// `is_odd` is set before the request that is odd can be seen.
    pub(super) fn new(stream: TcpStream, is_odd: Arc<AtomicBool>) -> Self {
        Self { stream, framing: Framing::default(), is_odd }
    }
}

/// Where in a message the next byte stands.
enum At {
    Head,
    /// So many bytes of a body remain.
    Body(u64),
    /// HTTP/2, or a chunked body, after which the connection ends anyway.
    Blind,
}

struct Framing {
    at: At,
    /// The beginning of the current line in lower case, and how long it is in all.
    line: Vec<u8>,
    line_bytes: usize,
    after_return: bool,
    body_bytes: u64,
    is_chunked: bool,
}

impl Default for Framing {
    fn default() -> Self {
        Self {
            at: At::Head,
            line: Vec::with_capacity(LINE_BYTES_KEPT),
            line_bytes: 0,
            after_return: false,
            body_bytes: 0,
            is_chunked: false,
        }
    }
}

impl Framing {
    /// Reads on. True if a line of a head ended in a bare line feed.
    fn read(&mut self, mut bytes: &[u8]) -> bool {
        let mut odd = false;
        loop {
            match self.at {
                At::Blind => return odd,
                At::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = bytes.get(here..).unwrap_or_default();
                    let left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
                    self.at = if left == 0 { At::Head } else { At::Body(left) };
                    if left > 0 {
                        return odd;
                    }
                }
                At::Head => {
                    let Some((first, rest)) = bytes.split_first() else { return odd };
                    bytes = rest;
                    odd |= self.head_byte(*first);
                }
            }
        }
    }

    fn head_byte(&mut self, byte: u8) -> bool {
        match byte {
            b'\n' => {
                let is_bare = !std::mem::take(&mut self.after_return);
                self.line_ends();
                is_bare
            }
            b'\r' => {
                self.after_return = true;
                false
            }
            _ => {
                self.after_return = false;
                self.line_bytes += 1;
                if self.line.len() < LINE_BYTES_KEPT {
                    self.line.push(byte.to_ascii_lowercase());
                }
                false
            }
        }
    }

    fn line_ends(&mut self) {
        if self.line_bytes == 0 {
            self.at = if self.is_chunked { At::Blind } else { At::Body(self.body_bytes) };
            self.body_bytes = 0;
        } else if let Some(value) = self.line.strip_prefix(CONTENT_LENGTH) {
            // hyper refuses what is not a number, and ends the connection.
            let digits = std::str::from_utf8(value.trim_ascii()).ok();
            self.body_bytes = digits.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        } else if self.line.starts_with(TRANSFER_ENCODING) {
            self.is_chunked = true;
        } else if self.line.starts_with(HTTP_2) {
            self.at = At::Blind;
        }
        self.line.clear();
        self.line_bytes = 0;
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if matches!(polled, Poll::Ready(Ok(())))
            && self.framing.read(buffer.filled().get(before..).unwrap_or_default())
        {
            self.is_odd.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::Framing;

    /// Whether `text` is odd, read whole and byte by byte.
    fn is_odd(text: &str) -> bool {
        let whole = Framing::default().read(text.as_bytes());
        let mut framing = Framing::default();
        let bytes = text.as_bytes().chunks(1).fold(false, |odd, byte| framing.read(byte) | odd);
        assert_eq!(whole, bytes, "{text:?}");
        whole
    }

    #[test]
    fn line_feeds_count_in_heads_only() {
        assert!(!is_odd(
            "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n{\n}\nGET / HTTP/1.1\r\n\r\n"
        ));
        assert!(is_odd("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}\n\nGET / HTTP/1.1\r\n\r\n"));
        assert!(is_odd("GET / HTTP/1.1\nHost: a\n\n"));
        assert!(is_odd("GET / HTTP/1.1\r\nHost: a\r\n\n"));
        assert!(!is_odd("\r\nGET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"));
        assert!(is_odd("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\n\r\n"));
        assert!(!is_odd("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\n"));
        assert!(!is_odd("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\n\n"));
        let mut framing = Framing::default();
        assert!(!framing.read(b"POST / HTTP/1.1\r\nCONTENT-LENGTH:  10 \r\n\r\n"));
        assert!(!framing.read(b"\n\n\n\n\n\n\n\n\n"));
        assert!(!framing.read(b"\n"));
        assert!(framing.read(b"\n"));
    }
}
