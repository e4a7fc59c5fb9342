//! Questions to AWS: logs, metrics, queues, services, secrets, buckets. Never takes a name that AWS would not, and so none
//! that leads elsewhere once a variable has filled it.

use std::collections::BTreeMap;

use super::ask::label_check;
use super::fill::parts;
use super::grammar;
use super::read::{Fields, Reader};
use super::words;
use super::yaml::Node;
use crate::core::evidence::{
    Ask, AwsAsk, MetricAsk, QueueCount, SecretShow, ServiceShow, Statistic,
};
use crate::core::rule::Probing;
use crate::core::time::Duration;
use crate::systems::aws::{is_region, pattern::Pattern};

/// Lines of one look into a log.
const LINES: u32 = 500;
const LOG_LAST: Duration = Duration::from_mins(10);
/// What most of AWS's own metrics have.
const PERIOD: Duration = Duration::from_mins(1);
/// Points of a trend; AWS keeps points of less than a minute for three hours only.
const POINTS_MOST: u128 = 1_000;

pub(crate) const STATISTICS: [(&str, Statistic); 5] = [
    ("sum", Statistic::Sum),
    ("average", Statistic::Average),
    ("minimum", Statistic::Minimum),
    ("maximum", Statistic::Maximum),
    ("count", Statistic::Count),
];
pub(crate) const COUNTS: [(&str, QueueCount); 3] = [
    ("waiting", QueueCount::Waiting),
    ("in_flight", QueueCount::InFlight),
    ("dead", QueueCount::Dead),
];
pub(crate) const SERVICE_SHOWS: [(&str, ServiceShow); 3] = [
    ("rollout", ServiceShow::Rollout),
    ("unsettled", ServiceShow::Unsettled),
    ("deployed", ServiceShow::Deployed),
];
pub(crate) const SECRET_SHOWS: [(&str, SecretShow); 2] =
    [("version", SecretShow::Version), ("age", SecretShow::Age)];

/// What a name of AWS may consist of, in words.
struct Naming {
    fits: fn(&str) -> bool,
    hint: &'static str,
}

const GROUP: Naming = Naming {
    fits: |text| text.len() <= 512 && of(text, "_-/.#"),
    hint: "a log group: letters, digits, `_`, `-`, `/`, `.`, `#`",
};
const QUEUE: Naming = Naming {
    fits: |text| text.len() <= 80 && of(text.strip_suffix(".fifo").unwrap_or(text), "_-"),
    hint: "the name of a queue, not its address: letters, digits, `_`, `-`",
};
const ECS: Naming = Naming {
    fits: |text| text.len() <= 255 && of(text, "_-"),
    hint: "a name, not an ARN: letters, digits, `_`, `-`",
};
const SECRET: Naming = Naming {
    fits: |text| text.len() <= 512 && of(text, "/_+=.@-:"),
    hint: "the name of a secret, or its ARN",
};
const BUCKET: Naming = Naming {
    fits: |text| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        (3..=63).contains(&text.len()) && text.bytes().all(plain) && !text.contains("..")
    },
    hint: "the name of a bucket: lower-case letters, digits, `-`, `.`",
};
const NAMESPACE: Naming = Naming {
    fits: |text| text.len() <= 255 && of(text, ".-_/#:"),
    hint: "a namespace, such as AWS/SQS",
};

fn of(text: &str, others: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

impl Reader {
    pub(crate) fn aws(&self, how: &str, node: &Node) -> Option<Ask> {
        let (fields, ask) = match how {
            "cloudwatch_logs" => self.aws_logs(node),
            "cloudwatch" => self.aws_metric(node),
            "sqs" => self.aws_queue(node),
            "ecs" => self.aws_service(node),
            "aws_secret" => self.aws_secret(node),
            _ => self.aws_bucket(node),
        }?;
        let region = self.aws_region(&fields)?;
        Some(Ask::Aws { region, ask: ask? })
    }

    /// A probe that lists one key.
    pub(crate) fn bucket_probe(&self, node: &Node) -> Option<Probing> {
        let (fields, ask) = self.aws_bucket(node)?;
        let region = self.aws_region(&fields)?;
        let AwsAsk::Bucket { bucket, prefix } = ask? else { return None };
        Some(Probing::Bucket { region, bucket, prefix })
    }

    #[expect(clippy::option_option, reason = "a fault, none said, or one")]
    fn aws_region(&self, fields: &Fields<'_>) -> Option<Option<String>> {
        let Some(node) = fields.get("region") else { return Some(None) };
        let naming = Naming { fits: is_region, hint: "a region of AWS, such as eu-central-1" };
        self.aws_name(node, &naming).map(Some)
    }

    fn aws_logs<'n>(&self, node: &'n Node) -> Option<(Fields<'n>, Option<AwsAsk>)> {
        let fields = self.fields(node, &grammar::CLOUDWATCH_LOGS)?;
        let group = fields
            .required(self, "group", "the log group: group: /ecs/api")
            .and_then(|node| self.aws_name(node, &GROUP));
        let pattern = match fields.get("pattern") {
            Some(node) => self.log_pattern(node),
            None => Some(String::new()),
        };
        let last = self.duration_or(&fields, "last", LOG_LAST);
        let limit = match fields.get("limit") {
            Some(node) => self.integer(node, 1..=super::logs::LINES_MOST),
            None => Some(LINES),
        };
        let ask =
            || Some(AwsAsk::Logs { group: group?, pattern: pattern?, last: last?, limit: limit? });
        Some((fields, ask()))
    }

    /// Placeholders stand within quotes, where they are text.
    fn log_pattern(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let filled = self.fill_with(node, &text, |value, filled| {
            let quoted = filled.matches('"').count() % 2 == 1;
            if !quoted || value.contains(['"', '\\']) || value.chars().any(char::is_control) {
                return Err("a variable stands within double quotes, and holds none itself");
            }
            filled.push_str(value);
            Ok(())
        })?;
        match Pattern::parse(&filled) {
            Ok(_) => Some(filled),
            Err(_) if Self::unfilled(&filled) => Some(filled),
            Err(hint) => {
                let message = format!("`{}` is not a pattern to use here", words::short(&text));
                self.no(node, message, hint)
            }
        }
    }

    fn aws_metric<'n>(&self, node: &'n Node) -> Option<(Fields<'n>, Option<AwsAsk>)> {
        let fields = self.fields(node, &grammar::CLOUDWATCH)?;
        let namespace = fields
            .required(self, "namespace", "where the metric is: namespace: AWS/SQS")
            .and_then(|node| self.aws_name(node, &NAMESPACE));
        let metric = fields
            .required(self, "metric", "the name of the metric")
            .and_then(|node| self.text_or_fill(node));
        let dimensions = match fields.get("dimensions") {
            Some(node) => self.dimensions(node),
            None => Some(BTreeMap::new()),
        };
        let statistic = fields
            .required(self, "statistic", "sum, average, minimum, maximum or count")
            .and_then(|node| self.word(node, &STATISTICS));
        let period = match fields.get("period") {
            Some(node) => self.period(node),
            None => Some(PERIOD),
        };
        let last = match fields.get("last") {
            Some(node) => self.duration(node).map(Some),
            None => Some(None),
        };
        let by = match fields.get("by") {
            Some(node) => self.text(node).map(Some),
            None => Some(None),
        };
        let ask = || {
            let (statistic, period, last, by) = (statistic?, period?, last?, by?);
            if by.is_some() && statistic == Statistic::Average {
                let hint = "ask for its sum, or its maximum";
                return self.no(node, "averages of several periods cannot be joined", hint);
            }
            let points = last.map_or(1, |last| last.as_millis() / period.as_millis().max(1));
            if points == 0 || points > POINTS_MOST {
                let hint = "from 1 to 1,000 periods within `last`";
                return self.no(node, "`period` and `last` make too few or too many points", hint);
            }
            let (namespace, metric, dimensions) = (namespace?, metric?, dimensions?);
            Some(AwsAsk::Metric(MetricAsk {
                namespace,
                metric,
                dimensions,
                statistic,
                period,
                last,
                by,
            }))
        };
        Some((fields, ask()))
    }

    /// Names of dimensions and the values they must have; placeholders stand for whole values.
    fn dimensions(&self, node: &Node) -> Option<BTreeMap<String, String>> {
        let mut dimensions = BTreeMap::new();
        let mut sound = true;
        for (key, value) in self.map(node)? {
            let name = self.valid(label_check(&key.text), key.text.clone(), key.at.clone());
            match (name, self.text_or_fill(value)) {
                (Some(name), Some(value)) => drop(dimensions.insert(name, value)),
                (Some(_) | None, _) => sound = false,
            }
        }
        sound.then_some(dimensions)
    }

    /// Whole minutes, or what a metric of high resolution has.
    fn period(&self, node: &Node) -> Option<Duration> {
        let period = self.duration(node)?;
        let secs = period.as_secs();
        let whole = period.subsec_nanos() == 0;
        if whole && (matches!(secs, 1 | 5 | 10 | 20 | 30) || secs >= 60 && secs % 60 == 0) {
            Some(period)
        } else {
            self.no(
                node,
                "CloudWatch has no such period",
                "1s, 5s, 10s, 20s, 30s, or whole minutes",
            )
        }
    }

    fn aws_queue<'n>(&self, node: &'n Node) -> Option<(Fields<'n>, Option<AwsAsk>)> {
        let fields = self.fields(node, &grammar::SQS)?;
        let queue = fields
            .required(self, "queue", "its name: queue: orders")
            .and_then(|node| self.aws_name(node, &QUEUE));
        let count = match fields.get("count") {
            Some(node) => self.word(node, &COUNTS),
            None => Some(QueueCount::Waiting),
        };
        let last = match fields.get("last") {
            Some(node) => self.duration(node).map(Some),
            None => Some(None),
        };
        let ask = || Some(AwsAsk::Queue { queue: queue?, count: count?, last: last? });
        Some((fields, ask()))
    }

    fn aws_service<'n>(&self, node: &'n Node) -> Option<(Fields<'n>, Option<AwsAsk>)> {
        let fields = self.fields(node, &grammar::ECS)?;
        let name = |key: &str, hint: &str| {
            fields.required(self, key, hint).and_then(|node| self.aws_name(node, &ECS))
        };
        let cluster = name("cluster", "its name: cluster: prod");
        let service = name("service", "its name: service: api");
        let show = fields
            .required(self, "show", "rollout, unsettled or deployed")
            .and_then(|node| self.word(node, &SERVICE_SHOWS));
        let ask = || Some(AwsAsk::Service { cluster: cluster?, service: service?, show: show? });
        let ask = ask();
        Some((fields, ask))
    }

    fn aws_secret<'n>(&self, node: &'n Node) -> Option<(Fields<'n>, Option<AwsAsk>)> {
        let fields = self.fields(node, &grammar::AWS_SECRET)?;
        let secret = fields
            .required(self, "secret", "its name: secret: api-credentials")
            .and_then(|node| self.aws_name(node, &SECRET));
        let show = fields
            .required(self, "show", "version or age")
            .and_then(|node| self.word(node, &SECRET_SHOWS));
        let ask = || Some(AwsAsk::Secret { secret: secret?, show: show? });
        Some((fields, ask()))
    }

    fn aws_bucket<'n>(&self, node: &'n Node) -> Option<(Fields<'n>, Option<AwsAsk>)> {
        let fields = self.fields(node, &grammar::S3)?;
        let bucket = fields
            .required(self, "bucket", "its name: bucket: audit-logs")
            .and_then(|node| self.aws_name(node, &BUCKET));
        let prefix = match fields.get("prefix") {
            Some(node) => self.text_or_fill(node).map(Some),
            None => Some(None),
        };
        let ask = || Some(AwsAsk::Bucket { bucket: bucket?, prefix: prefix? });
        Some((fields, ask()))
    }

    /// A name, checked once it is filled in.
    fn aws_name(&self, node: &Node, naming: &Naming) -> Option<String> {
        let text = self.text(node)?;
        let filled = self.fill_with(node, &text, |value, filled| {
            filled.push_str(value);
            Ok(())
        })?;
        if (naming.fits)(&filled) || Self::unfilled(&filled) {
            return Some(filled);
        }
        let message = format!("`{}` cannot be used here", words::short(&filled));
        self.no(node, message, naming.hint)
    }

    /// No target is known, and a placeholder stands as it is.
    fn unfilled(text: &str) -> bool {
        use super::fill::Part;
        parts(text).iter().any(|part| matches!(part, Part::Placeholder(_)))
    }

    fn duration_or(&self, fields: &Fields<'_>, key: &str, default: Duration) -> Option<Duration> {
        match fields.get(key) {
            Some(node) => self.duration(node),
            None => Some(default),
        }
    }
}
