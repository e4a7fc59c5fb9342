//! Questions to Azure: secrets, Log Analytics, the activity log. Never takes a name that leads elsewhere once a variable has
//! filled it, and no variable into a query but as a quoted text.

use super::fill::{Filled, Part, parts};
use super::grammar;
use super::read::Reader;
use super::words;
use super::yaml::Node;
use crate::core::evidence::{Ask, AzureAsk, SecretShow};
use crate::core::rule::Probing;
use crate::core::time::Duration;

/// Lines of one look into a log.
const LINES: u32 = 500;
const LOG_LAST: Duration = Duration::from_mins(10);
/// Operations are seldom.
const ACTIVITY_LAST: Duration = Duration::from_hours(1);

pub(crate) const SHOWS: [(&str, SecretShow); 2] =
    [("version", SecretShow::Version), ("age", SecretShow::Age)];

impl Reader {
    pub(crate) fn azure(&self, how: &str, node: &Node) -> Option<Ask> {
        let ask = match how {
            "key_vault" => self.key_vault(node),
            "azure_logs" => self.azure_logs(node),
            _ => self.azure_activity(node),
        };
        ask.map(Ask::Azure)
    }

    fn key_vault(&self, node: &Node) -> Option<AzureAsk> {
        let fields = self.fields(node, &grammar::KEY_VAULT)?;
        let vault = fields.required(self, "vault", VAULT).and_then(|node| self.url(node));
        let secret = fields
            .required(self, "secret", "its name: secret: api-key")
            .and_then(|node| self.azure_name(node, SECRET));
        let show = fields
            .required(self, "show", "version or age")
            .and_then(|node| self.word(node, &SHOWS));
        Some(AzureAsk::Secret { vault: vault?, secret: secret?, show: show? })
    }

    /// A probe that lists the versions of a secret.
    pub(crate) fn vault_probe(&self, node: &Node) -> Option<Probing> {
        let fields = self.fields(node, &grammar::KEY_VAULT_PROBE)?;
        let vault = fields.required(self, "vault", VAULT).and_then(|node| self.url(node));
        let secret = fields
            .required(self, "secret", "its name: secret: api-key")
            .and_then(|node| self.azure_name(node, SECRET));
        Some(Probing::Vault { vault: vault?, secret: secret? })
    }

    fn azure_logs(&self, node: &Node) -> Option<AzureAsk> {
        let fields = self.fields(node, &grammar::AZURE_LOGS)?;
        let workspace = fields
            .required(self, "workspace", "the workspace's id")
            .and_then(|node| self.azure_name(node, ID));
        let query =
            fields.required(self, "query", "the KQL to ask").and_then(|node| self.kql(node));
        let line = match fields.get("line") {
            Some(node) => self.text(node).map(Some),
            None => Some(None),
        };
        let last = match fields.get("last") {
            Some(node) => self.duration(node),
            None => Some(LOG_LAST),
        };
        let limit = match fields.get("limit") {
            Some(node) => self.integer(node, 1..=super::logs::LINES_MOST),
            None => Some(LINES),
        };
        Some(AzureAsk::Logs {
            workspace: workspace?,
            query: query?,
            last: last?,
            limit: limit?,
            line: line?,
        })
    }

    fn azure_activity(&self, node: &Node) -> Option<AzureAsk> {
        let fields = self.fields(node, &grammar::AZURE_ACTIVITY)?;
        let subscription = fields
            .required(self, "subscription", "the subscription's id")
            .and_then(|node| self.azure_name(node, ID));
        let group = match fields.get("group") {
            Some(node) => self.azure_name(node, GROUP).map(Some),
            None => Some(None),
        };
        let last = match fields.get("last") {
            Some(node) => self.duration(node),
            None => Some(ACTIVITY_LAST),
        };
        let limit = match fields.get("limit") {
            Some(node) => self.integer(node, 1..=super::logs::LINES_MOST),
            None => Some(LINES),
        };
        let (subscription, group) = (subscription?, group?);
        Some(AzureAsk::Activity { subscription, group, last: last?, limit: limit? })
    }

    /// KQL has no parser here: a placeholder is taken only as the whole of a text in double quotes.
    fn kql(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let pieces = parts(&text);
        let mut filled = String::new();
        for (index, piece) in pieces.iter().enumerate() {
            let name = match piece {
                Part::Text(plain) => {
                    filled.push_str(plain);
                    continue;
                }
                Part::Placeholder(name) => name,
            };
            let after = index.checked_add(1).and_then(|next| pieces.get(next));
            let quoted = filled.ends_with('"')
                && !filled.ends_with("@\"")
                && matches!(after, Some(Part::Text(after)) if after.starts_with('"'));
            if !quoted {
                let hint = format!("write it as a whole quoted value: App == \"{{{name}}}\"");
                return self.no(node, format!("`{{{name}}}` cannot stand here in KQL"), &hint);
            }
            match self.fill(name, node.place())? {
                Filled::Unfilled => return Some(text),
                Filled::Value(value) => {
                    filled.push_str(&value.replace('\\', "\\\\").replace('"', "\\\""));
                }
            }
        }
        Some(filled)
    }

    /// One segment of a path, checked once it is filled in.
    fn azure_name(&self, node: &Node, (others, most, hint): Naming) -> Option<String> {
        let text = self.text_or_fill(node)?;
        let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c));
        let unfilled = super::fill::whole(&text).is_some();
        if fits && text.len() <= most && !text.ends_with('.') || unfilled {
            return Some(text);
        }
        let message = format!("`{}` cannot be used here", words::short(&text));
        self.no(node, message, hint)
    }
}

/// What a name may consist of beside letters and digits, its longest, and that in words.
type Naming = (&'static str, usize, &'static str);

const VAULT: &str = "its address: vault: https://example.vault.azure.net";
const SECRET: Naming = ("-", 127, "the name of a secret: letters, digits, `-`");
const ID: Naming = ("-", 36, "an id: 00000000-0000-0000-0000-000000000000");
const GROUP: Naming = ("-_.()", 90, "the name of a resource group");
