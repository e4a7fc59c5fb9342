//! JSON lines in, JSON lines out: one answer for each. Never guesses what a line that is no such object meant.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{BufRead, Write};

use super::complain;
use crate::cli::Exit;
use crate::core::cause::Cause;
use crate::core::classify::{By, Patterns, Reading};

/// Complaints beyond these are counted, not printed.
const COMPLAINTS_MOST: u64 = 20;

#[derive(Deserialize)]
struct Question<'t> {
    #[serde(borrow)]
    id: Cow<'t, str>,
    #[serde(borrow)]
    line: Cow<'t, str>,
}

#[derive(Serialize)]
struct Answer<'t> {
    id: &'t str,
    cause: &'static str,
    http_status: Option<u16>,
    retry_after_s: Option<u64>,
    quota: bool,
    echo: bool,
    /// What decided.
    pattern: Option<&'t str>,
}

pub(super) fn run(
    patterns: &Patterns,
    mut input: impl BufRead,
    mut output: impl Write,
) -> std::io::Result<Exit> {
    let (mut text, mut number, mut wrong) = (Vec::new(), 0, 0);
    loop {
        text.clear();
        if input.read_until(b'\n', &mut text)? == 0 {
            break;
        }
        number += 1;
        let blank = text.trim_ascii().is_empty();
        if blank {
            continue;
        }
        match serde_json::from_slice::<Question<'_>>(&text) {
            Ok(question) => {
                answer(&question.id, &patterns.explain(&question.line), &mut output)?;
            }
            Err(error) => {
                wrong += 1;
                if wrong <= COMPLAINTS_MOST {
                    complain(number, &format!("no object with the texts `id` and `line`: {error}"));
                }
            }
        }
    }
    output.flush()?;
    if wrong > COMPLAINTS_MOST {
        complain(number, &format!("{wrong} lines were not answered in all"));
    }
    Ok(if wrong > 0 { Exit::No } else { Exit::Done })
}

fn answer(id: &str, reading: &Reading, output: &mut impl Write) -> std::io::Result<()> {
    let signal = &reading.signal;
    let pattern = match &reading.by {
        By::Entry(path) => Some(path.as_str()),
        By::Rule => Some("rule"),
        By::Status => Some("status"),
        By::Served => Some("served"),
        By::Nothing => None,
    };
    let answer = Answer {
        id,
        cause: signal.cause.map_or("none", Cause::name),
        http_status: signal.status,
        // Rounded up: a wait that is too short is refused again.
        retry_after_s: signal
            .retry_after
            .map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
        quota: signal.quota,
        echo: signal.echo,
        pattern,
    };
    serde_json::to_writer(&mut *output, &answer)?;
    output.write_all(b"\n")
}
