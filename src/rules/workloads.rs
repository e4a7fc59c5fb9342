//! Questions about containers: their logs, their state. Never lets a name lead to another path.

use super::fill::whole;
use super::grammar;
use super::logs::{LINES, LINES_MOST, LOG_LAST};
use super::read::Reader;
use super::words;
use super::yaml::{Kind, Node};
use crate::core::evidence::{Ask, ContainerValue, DockerAsk};

pub(crate) const CONTAINER_VALUES: [(&str, ContainerValue); 6] = [
    ("state", ContainerValue::State),
    ("health", ContainerValue::Health),
    ("restarts", ContainerValue::Restarts),
    ("exit_code", ContainerValue::ExitCode),
    ("oom_killed", ContainerValue::OomKilled),
    ("up_seconds", ContainerValue::UpSeconds),
];

impl Reader {
    pub(crate) fn docker_logs(&self, node: &Node) -> Option<Ask> {
        let fields = self.fields(node, &grammar::DOCKER_LOGS)?;
        let container = fields
            .required(self, "container", "whose lines: container: qloapps")
            .and_then(|node| self.container(node));
        let last = match fields.get("last") {
            Some(node) => self.duration(node),
            None => Some(LOG_LAST),
        };
        let limit = match fields.get("limit") {
            Some(node) => self.integer(node, 1..=LINES_MOST),
            None => Some(LINES),
        };
        Some(Ask::Docker(DockerAsk::Logs { container: container?, last: last?, limit: limit? }))
    }

    /// The name of a container, or the same with what is asked of it.
    pub(crate) fn docker_container(&self, node: &Node) -> Option<Ask> {
        let (container, value) = match &node.kind {
            Kind::Map(_) => {
                let fields = self.fields(node, &grammar::DOCKER_CONTAINER)?;
                let container = fields
                    .required(self, "container", "which one: container: qloapps")
                    .and_then(|node| self.container(node));
                let value = match fields.get("value") {
                    Some(node) => self.word(node, &CONTAINER_VALUES),
                    None => Some(ContainerValue::State),
                };
                (container, value)
            }
            Kind::Scalar(_) | Kind::List(_) => (self.container(node), Some(ContainerValue::State)),
        };
        Some(Ask::Docker(DockerAsk::Container { container: container?, value: value? }))
    }

    /// A name as Docker takes it, or a placeholder that holds it.
    pub(crate) fn container(&self, node: &Node) -> Option<String> {
        let name = self.text_or_fill(node)?;
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let fits = name.len() <= 128
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(inner);
        if fits || whole(&name).is_some() {
            Some(name)
        } else {
            let message = format!("`{}` is no name of a container", words::short(&name));
            self.no(node, message, "letters, digits, `_`, `.` and `-`: qloapps, trading_gateway-1")
        }
    }
}
