//! What is wrong with a file, where, and what to do about it. Never stops at the first, never shows a secret's value.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, renderer::DecorStyle};
use regex::Regex;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

/// A file as it was read: what mistakes point into.
#[derive(PartialEq, Eq)]
pub struct Source {
    pub path: String,
    pub text: String,
    /// The text as excerpts show it: what may be a secret is masked, byte for byte.
    shown: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing of what was read becomes active.
    Error,
    /// Worth a look; what was read still becomes active.
    Warning,
}

/// One mistake and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub severity: Severity,
    pub source: Arc<Source>,
    /// Bytes of the source's text.
    pub at: Range<usize>,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What stands where a secret would, or looks like one. Excerpts go to terminals and logs.
static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let named = r#"(?:token|secret|passw(?:or)?d|bearer|authorization|cookie|api[-_]?key)["']?\s*:\s*["']?([^\s"'{}\[\],#][^"'{}\[\],#\n]*)"#;
    let known = r"((?:xox[a-z]|xapp)-[A-Za-z0-9-]+)";
    Regex::new(&format!("(?i){named}|{known}")).ok()
});

/// More mistakes than this are counted, not printed: the reader starts with the first anyway.
const PRINTED: usize = 100;
/// Columns of an excerpt where the terminal's width is not known.
const WIDTH: usize = 120;

/// The path alone: the text may hold what must not be shown.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Source {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let found = SECRETS.iter().flat_map(|secrets| secrets.captures_iter(&text));
        let places: Vec<_> = found
            .filter_map(|it| it.get(1).or_else(|| it.get(2)).map(|value| value.range()))
            .collect();
        let shown = mask(&text, &places);
        Self { path: path.into(), text, shown }
    }

    /// The same text, with more of it masked.
    pub(crate) fn hiding(&self, places: &[Range<usize>]) -> Self {
        let (path, text) = (self.path.clone(), self.text.clone());
        Self { path, text, shown: mask(&self.shown, places) }
    }
}

/// Stars in place of every byte but line breaks, so that places stay where they are.
fn mask(text: &str, places: &[Range<usize>]) -> String {
    let star = |(at, c): (usize, char)| {
        let hidden = places.iter().any(|place| place.contains(&at)) && c != '\n';
        if hidden { "*".repeat(c.len_utf8()) } else { c.to_string() }
    };
    if places.is_empty() { text.to_owned() } else { text.char_indices().map(star).collect() }
}

impl Mistake {
    pub fn error(source: &Arc<Source>, at: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            source: Arc::clone(source),
            at,
            message: message.into(),
            hint: None,
        }
    }

    /// A mistake that has no place in a text, such as a folder that cannot be read.
    pub fn without_text(path: impl Into<String>, message: impl Into<String>) -> Self {
        let source = Arc::new(Source::new(path, ""));
        Self::error(&source, 0..0, message)
    }

    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    #[must_use]
    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The line, counted from 1; 0 if the mistake has no place in a text.
    pub fn line(&self) -> usize {
        if self.source.text.is_empty() {
            return 0;
        }
        self.before().matches('\n').count() + 1
    }

    /// The column in characters, counted from 1; 0 if the mistake has no place in a text.
    pub fn column(&self) -> usize {
        if self.source.text.is_empty() {
            return 0;
        }
        self.before().rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1
    }

    /// The line that the mistake is in.
    pub fn excerpt(&self) -> &str {
        self.line()
            .checked_sub(1)
            .and_then(|line| self.source.shown.lines().nth(line))
            .unwrap_or("")
    }

    fn before(&self) -> &str {
        self.source.text.get(..self.at.start).unwrap_or(&self.source.text)
    }

    fn order(&self) -> (&str, usize, usize, Severity, &str) {
        (&self.source.path, self.at.start, self.at.end, self.severity, &self.message)
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(self.message.as_str());
        let group = if self.source.text.is_empty() {
            let path = annotate_snippets::Origin::path(self.source.path.as_str());
            title.element(path)
        } else {
            let annotation = AnnotationKind::Primary.span(self.at.clone());
            let snippet = Snippet::source(self.source.shown.as_str())
                .path(self.source.path.as_str())
                .annotation(annotation);
            title.element(snippet)
        };
        let group = match &self.hint {
            Some(hint) => group.element(Level::HELP.message(hint.as_str())),
            None => group,
        };
        renderer.render(&[group])
    }
}

/// `rules/pms.yaml:12:3: error: …`, on one line.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_error() { "error" } else { "warning" };
        let (path, message) = (&self.source.path, &self.message);
        match (self.line(), self.column()) {
            (0, _) => write!(f, "{path}: {word}: {message}")?,
            (line, column) => write!(f, "{path}:{line}:{column}: {word}: {message}")?,
        }
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// In the order of files and lines, each once.
pub fn sort(mistakes: &mut Vec<Mistake>) {
    mistakes.sort_by(|left, right| left.order().cmp(&right.order()));
    mistakes.dedup();
}

/// All mistakes as people read them, in the manner of rustc; without colours unless `styled`.
pub fn render(mistakes: &[Mistake], styled: bool) -> String {
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(WIDTH);
    let mut text = String::new();
    for mistake in mistakes.iter().take(PRINTED) {
        text.push_str(mistake.render(&renderer).trim_end());
        text.push_str("\n\n");
    }
    if let Some(more) = mistakes.len().checked_sub(PRINTED).filter(|more| *more > 0) {
        // Writing to a String cannot fail.
        writeln!(text, "… and {more} more").unwrap_or_default();
    }
    text
}
