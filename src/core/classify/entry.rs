//! What a pattern means when it matches, and which of several that match decides. Never compiles one.
//!
//! The built-in entries stand in `rules/patterns/*.yaml`; `builtin.tsv` beside this file is made from them, already in order.

use serde::{Deserialize, Serialize};

use crate::core::cause::Cause;

/// What it means when a pattern matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// Harmless, whatever else the line holds: what our own clients do to us, or a client that paces itself.
    Harmless,
    /// A breaker's own words: no vote.
    Echo,
    /// A gateway that has nobody to send to, as its passive health check says: the cause lies in earlier lines, and if there are
    /// none, here.
    Gateway,
    /// Nearly always a breaker's own overflow; a rate limit only where a status beside it says so.
    Overflow,
    /// Proof of a cause, stronger than the status beside it.
    Is(Cause),
    /// Rate limited because a quota or balance is used up: waiting does not help.
    Quota,
    /// Counts only where the line has no telling status.
    Likely(Cause),
}

/// Of several entries that match, one of the first tier decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    Harmless,
    Echo,
    /// A proof that contradicts what its own words suggest to others: a flood stage that prints "too many requests".
    First,
    Proof,
    /// Wide wordings and names of exceptions: anything more exact goes before.
    Wide,
    Hint,
}

/// One entry of a patterns file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The file's name for itself: `http-clients`.
    pub file: String,
    pub name: String,
    pub says: Says,
    pub tier: Tier,
    /// Slugs of the libraries whose words these are; empty: anybody's.
    #[serde(default)]
    pub libraries: Vec<String>,
    pub patterns: Vec<String>,
}

/// Entries of a rules folder: a file of a built-in name stands in for that file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    pub files: Vec<String>,
    pub entries: Vec<Entry>,
}

const BUILTIN: &str = include_str!("builtin.tsv");

impl Says {
    /// The word of pattern files.
    pub const ALL: [(&str, Self); 23] = [
        ("harmless", Self::Harmless),
        ("echo", Self::Echo),
        ("gateway", Self::Gateway),
        ("overflow", Self::Overflow),
        ("quota", Self::Quota),
        ("auth", Self::Is(Cause::Auth)),
        ("rate_limited", Self::Is(Cause::RateLimited)),
        ("upstream_5xx", Self::Is(Cause::Upstream5xx)),
        ("timeout", Self::Is(Cause::Timeout)),
        ("network", Self::Is(Cause::Network)),
        ("tls", Self::Is(Cause::Tls)),
        ("database", Self::Is(Cause::Database)),
        ("resource", Self::Is(Cause::Resource)),
        ("client_bug", Self::Is(Cause::ClientBug)),
        ("likely auth", Self::Likely(Cause::Auth)),
        ("likely rate_limited", Self::Likely(Cause::RateLimited)),
        ("likely upstream_5xx", Self::Likely(Cause::Upstream5xx)),
        ("likely timeout", Self::Likely(Cause::Timeout)),
        ("likely network", Self::Likely(Cause::Network)),
        ("likely tls", Self::Likely(Cause::Tls)),
        ("likely database", Self::Likely(Cause::Database)),
        ("likely resource", Self::Likely(Cause::Resource)),
        ("likely client_bug", Self::Likely(Cause::ClientBug)),
    ];

    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, says)| *says == self).map_or("", |(word, _)| word)
    }

    /// Where it stands unless the entry says otherwise.
    pub const fn tier(self) -> Tier {
        match self {
            Self::Harmless => Tier::Harmless,
            Self::Echo | Self::Gateway => Tier::Echo,
            Self::Is(_) | Self::Quota => Tier::Proof,
            Self::Overflow | Self::Likely(_) => Tier::Hint,
        }
    }

    /// Within a tier: what lies deeper goes first, since it is what must be fixed. A pool that is used up times out, a failed
    /// handshake fails a connection, and a failed connection makes a gateway answer 503.
    const fn rank(self) -> u8 {
        match self {
            Self::Harmless | Self::Echo | Self::Overflow => 0,
            Self::Gateway => 1,
            Self::Quota => 3,
            Self::Is(cause) | Self::Likely(cause) => match cause {
                Cause::Database => 2,
                Cause::RateLimited => 4,
                Cause::Tls => 5,
                Cause::Auth => 6,
                Cause::Resource => 7,
                Cause::Network => 8,
                Cause::Timeout => 9,
                Cause::Upstream5xx => 10,
                Cause::ClientBug => 11,
            },
        }
    }
}

impl Tier {
    /// What an entry may say in place of what its meaning gives it.
    pub const SAID: [(&str, Self); 3] =
        [("first", Self::First), ("proof", Self::Proof), ("wide", Self::Wide)];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Echo => "echo",
            Self::First => "first",
            Self::Proof => "proof",
            Self::Wide => "wide",
            Self::Hint => "hint",
        }
    }
}

impl Entry {
    /// `http-clients/refused`, as answers name it.
    pub fn path(&self) -> String {
        format!("{}/{}", self.file, self.name)
    }
}

/// In the order in which entries decide. Those of one rank keep theirs.
pub fn ordered(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_key(|entry| (entry.tier, entry.says.rank()));
    entries
}

/// The built-in entries, in order.
pub fn builtin() -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for row in BUILTIN.lines() {
        let mut cells = row.split('\t');
        let mut cell = || cells.next().unwrap_or_default();
        let (tier, says, file, name, libraries, pattern) =
            (cell(), cell(), cell(), cell(), cell(), cell());
        if let Some(last) = entries.last_mut().filter(|it| it.file == file && it.name == name) {
            last.patterns.push(pattern.to_owned());
            continue;
        }
        let Some((_, says)) = Says::ALL.into_iter().find(|(word, _)| *word == says) else {
            continue;
        };
        let tier = Tier::SAID.into_iter().find(|(word, _)| *word == tier);
        entries.push(Entry {
            file: file.to_owned(),
            name: name.to_owned(),
            says,
            tier: tier.map_or_else(|| says.tier(), |(_, tier)| tier),
            libraries: libraries.split_whitespace().map(str::to_owned).collect(),
            patterns: vec![pattern.to_owned()],
        });
    }
    entries
}

/// Entries as `builtin.tsv` has them: tier, meaning, file, name, libraries and pattern, a line for each pattern.
pub fn tsv(entries: &[Entry]) -> String {
    let row = |entry: &Entry, pattern: &String| {
        let cells = [
            entry.tier.word(),
            entry.says.word(),
            &entry.file,
            &entry.name,
            &entry.libraries.join(" "),
            pattern,
        ];
        cells.join("\t") + "\n"
    };
    entries
        .iter()
        .flat_map(|entry| entry.patterns.iter().map(move |pattern| row(entry, pattern)))
        .collect()
}
