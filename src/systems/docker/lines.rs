//! Frames of a container's log → lines, oldest first. Never takes the rest of a broken frame for a line.

use bollard::container::LogOutput;
use std::collections::VecDeque;

use crate::core::evidence::LogLine;
use crate::core::time::Timestamp;
use crate::systems::files::clean;

/// A line longer than this goes on unread: the cause of an error stands at its beginning.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// What came is no whole log.
#[derive(Debug)]
pub(super) struct Cut;

/// Lines while they come: the engine sends long ones in pieces, each with its own time.
pub(super) struct Gathered {
    tty: bool,
    ahead: jiff::SignedDuration,
    /// Without a terminal the two streams come apart, and each may be in the middle of a line.
    open: [Option<Piece>; 2],
    lines: VecDeque<(Option<Timestamp>, String)>,
    /// As the engine counts them.
    pieces: usize,
}

#[derive(Debug)]
struct Piece {
    at: Option<Timestamp>,
    text: Vec<u8>,
}

impl Gathered {
    pub(super) fn new(tty: bool, ahead: jiff::SignedDuration) -> Self {
        Self { tty, ahead, open: [None, None], lines: VecDeque::new(), pieces: 0 }
    }

    pub(super) fn add(&mut self, frame: LogOutput) -> Result<(), Cut> {
        match frame {
            LogOutput::StdOut { message } if !self.tty => self.piece(0, &message),
            LogOutput::StdErr { message } if !self.tty => self.piece(1, &message),
            LogOutput::Console { message } if self.tty => self.piece(0, &message),
            // Frames where none belong, or none where they do: what is left of a broken one, or another server's page.
            LogOutput::StdOut { .. }
            | LogOutput::StdErr { .. }
            | LogOutput::Console { .. }
            | LogOutput::StdIn { .. } => return Err(Cut),
        }
        Ok(())
    }

    fn piece(&mut self, stream: usize, message: &[u8]) {
        self.pieces = self.pieces.saturating_add(1);
        let (at, rest) = stamped(message);
        let at = at.and_then(|at| at.checked_sub(self.ahead).ok());
        let Some(open) = self.open.get_mut(stream) else { return };
        let piece = open.get_or_insert_with(|| Piece { at, text: Vec::new() });
        let room = MAX_LINE_BYTES.saturating_sub(piece.text.len());
        piece.text.extend_from_slice(rest.get(..room).unwrap_or(rest));
        if rest.ends_with(b"\n") {
            self.close(stream);
        }
    }

    fn close(&mut self, stream: usize) {
        let Some(piece) = self.open.get_mut(stream).and_then(Option::take) else { return };
        let text = clean(String::from_utf8_lossy(&piece.text).trim_end());
        if !text.trim().is_empty() {
            self.lines.push_back((piece.at, text));
        }
    }

    /// The newest lines, at most `limit`, and whether they are all that there are in the time.
    pub(super) fn end(mut self, limit: usize) -> (Vec<LogLine>, bool) {
        self.close(0);
        self.close(1);
        // As many as were asked for may be fewer than there are.
        let complete = self.pieces < limit;
        let mut lines: Vec<_> = self.lines.into();
        lines.sort_by_key(|(at, _)| *at);
        let newest = lines.len().saturating_sub(limit);
        let lines = lines.into_iter().skip(newest);
        (lines.map(|(at, text)| LogLine { at, text }).collect(), complete)
    }
}

/// The engine's own time at the front of a frame, and what follows it.
fn stamped(message: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let space = message.iter().take(40).position(|byte| *byte == b' ');
    let parsed = space.and_then(|end| {
        let text = std::str::from_utf8(message.get(..end)?).ok()?;
        Some((text.parse().ok()?, message.get(end.checked_add(1)?..)?))
    });
    parsed.map_or((None, message), |(at, rest)| (Some(at), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(text: &str) -> LogOutput {
        LogOutput::StdOut { message: text.to_owned().into_bytes().into() }
    }
    fn err(text: &str) -> LogOutput {
        LogOutput::StdErr { message: text.to_owned().into_bytes().into() }
    }

    #[test]
    fn pieces_of_a_long_line_are_one_line_and_streams_stay_apart() {
        let mut gathered = Gathered::new(false, jiff::SignedDuration::ZERO);
        gathered.add(out("2026-08-20T10:00:01.000000000Z first half, ")).unwrap();
        gathered.add(err("2026-08-20T10:00:02.000000000Z boom\n")).unwrap();
        gathered.add(out("2026-08-20T10:00:01.000000000Z second half\n")).unwrap();
        gathered.add(out("2026-08-20T10:00:03.000000000Z \n")).unwrap();
        gathered.add(out("no time\n")).unwrap();
        let (lines, complete) = gathered.end(10);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["no time", "first half, second half", "boom"]);
        assert_eq!(lines[2].at, Some("2026-08-20T10:00:02Z".parse().unwrap()));
        assert!(complete);
    }

    #[test]
    fn an_endless_line_is_cut_and_the_newest_lines_stay() {
        let mut gathered = Gathered::new(false, jiff::SignedDuration::ZERO);
        for _ in 0..100 {
            gathered.add(out(&"x".repeat(16_000))).unwrap();
        }
        gathered.add(out("\n")).unwrap();
        gathered.add(out("2026-08-20T10:00:01Z one\n")).unwrap();
        gathered.add(out("2026-08-20T10:00:02Z two\n")).unwrap();
        let (lines, complete) = gathered.end(2);
        assert_eq!(
            (lines[0].text.as_str(), lines[1].text.as_str(), complete),
            ("one", "two", false)
        );
    }

    #[test]
    fn what_is_no_frame_is_no_line_of_a_container_without_a_terminal() {
        let console = || LogOutput::Console { message: b"<html>\n".to_vec().into() };
        assert!(Gathered::new(false, jiff::SignedDuration::ZERO).add(console()).is_err());
        assert!(Gathered::new(true, jiff::SignedDuration::ZERO).add(console()).is_ok());
        assert!(Gathered::new(true, jiff::SignedDuration::ZERO).add(out("x\n")).is_err());
    }
}
