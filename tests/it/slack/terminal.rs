//! The same reports on a terminal.

use std::io::Write;
use std::sync::{Arc, Mutex};

use reclose::core::incident::IncidentId;
use reclose::core::report::Report;
use reclose::systems::terminal::Terminal;

use super::reports;

/// What was printed, with colours taken away.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn terminal(&self) -> Terminal {
        let paper: Box<dyn Write + Send> = Box::new(self.clone());
        Terminal::new(Box::new(anstream::StripStream::new(paper)))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[test]
fn an_incident_on_a_terminal() {
    let paper = Paper::default();
    let mut terminal = paper.terminal();
    terminal.report(&reports::waiting(7)).unwrap();
    terminal.line(IncidentId(7), reports::at(96), "evidence: 118 × 429").unwrap();
    terminal.report(&reports::refused(7)).unwrap();
    terminal.page(&reports::page(7)).unwrap();
    terminal.report(&reports::recovered(7)).unwrap();
    insta::assert_snapshot!(paper.text());
}

#[test]
fn what_has_not_changed_is_not_said_again() {
    let paper = Paper::default();
    let mut terminal = paper.terminal();
    terminal.report(&reports::waiting(7)).unwrap();
    let once = paper.text();
    let later = Report { revision: 9, at: reports::at(500), ..reports::waiting(7) };
    terminal.report(&later).unwrap();
    assert_eq!(paper.text(), once);
    terminal.report(&reports::waiting(8)).unwrap();
    assert!(paper.text().len() > once.len());
}

#[test]
fn a_label_cannot_move_the_cursor() {
    let paper = Paper::default();
    let mut terminal = Terminal::new(Box::new(paper.clone()));
    let hostile = "a\u{1b}[2Jb\u{202e}c\r\nd\u{9b}31m";
    let mut report = reports::waiting(7);
    report.headline = hostile.into();
    report.breaker.target = hostile.into();
    terminal.report(&report).unwrap();
    terminal.line(IncidentId(7), reports::at(0), hostile).unwrap();
    let shown = paper.text();
    for bad in ["\u{1b}[2J", "\u{202e}", "\r", "\u{9b}"] {
        assert!(!shown.contains(bad), "{shown:?}");
    }
}
