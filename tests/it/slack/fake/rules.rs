//! What Slack refuses: tokens, channels, contents. From its method pages and block reference.

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::{ARCHIVED, CHANNEL, NOT_A_MEMBER, SECOND_CHANNEL, TOKEN};

/// Not documented; reported from practice.
const ALL_BLOCKS_MAX: usize = 13_000;
const TEXT_MAX: usize = 40_000;
const METADATA_MAX: usize = 16_000;

pub(super) fn authenticate(
    headers: &HeaderMap,
    arguments: &Map<String, Value>,
) -> Result<(), &'static str> {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    let token = header
        .and_then(|header| header.strip_prefix("Bearer "))
        .or_else(|| arguments.get("token").and_then(Value::as_str));
    match token {
        None => Err("not_authed"),
        Some(TOKEN) => Ok(()),
        Some(_) => Err("invalid_auth"),
    }
}

/// The id of a channel that can be posted to and read, given by id or name.
pub(super) fn channel(arguments: &Map<String, Value>) -> Result<&'static str, &'static str> {
    match arguments.get("channel").and_then(Value::as_str).unwrap_or_default() {
        CHANNEL | "#incidents" | "incidents" => Ok(CHANNEL),
        SECOND_CHANNEL | "#payments" | "payments" => Ok(SECOND_CHANNEL),
        ARCHIVED | "#archived" => Err("is_archived"),
        NOT_A_MEMBER | "#stranger" => Err("not_in_channel"),
        _ => Err("channel_not_found"),
    }
}

pub(super) fn content(arguments: &Map<String, Value>, is_edit: bool) -> Result<(), &'static str> {
    let text = arguments.get("text").and_then(Value::as_str).unwrap_or_default();
    let none = vec![];
    let blocks = match arguments.get("blocks") {
        None => &none,
        Some(Value::Array(blocks)) => blocks,
        Some(_) => return Err("invalid_blocks_format"),
    };
    if text.is_empty() && blocks.is_empty() {
        return Err("no_text");
    }
    if text.chars().count() > TEXT_MAX {
        return Err("msg_too_long");
    }
    if blocks.len() > 50 || !blocks.iter().all(|block| is_block(block).is_some()) {
        return Err("invalid_blocks");
    }
    if blocks.iter().map(sum_of_texts).sum::<usize>() > ALL_BLOCKS_MAX {
        return Err("msg_blocks_too_long");
    }
    if is_edit && arguments.contains_key("thread_ts") {
        return Err("invalid_arguments");
    }
    metadata(arguments.get("metadata"))
}

fn metadata(metadata: Option<&Value>) -> Result<(), &'static str> {
    let Some(metadata) = metadata else { return Ok(()) };
    if metadata.to_string().len() > METADATA_MAX {
        return Err("metadata_too_large");
    }
    let complete = metadata.get("event_type").is_some_and(Value::is_string)
        && metadata.get("event_payload").is_some_and(Value::is_object);
    if complete { Ok(()) } else { Err("invalid_metadata_format") }
}

/// The kinds that reclose sends, each with its documented limits.
fn is_block(block: &Value) -> Option<()> {
    let array = |name: &str| block.get(name).and_then(Value::as_array);
    let good = match block.get("type")?.as_str()? {
        "header" => {
            let text = block.get("text")?;
            text.get("type")? == "plain_text" && is_text(text, 150).is_some()
        }
        "section" => {
            let text = block.get("text");
            let fields = array("fields");
            let text_good = text.is_none_or(|text| is_text(text, 3_000).is_some());
            let fields_good = fields.is_none_or(|fields| {
                (1..=10).contains(&fields.len())
                    && fields.iter().all(|field| is_text(field, 2_000).is_some())
            });
            (text.is_some() || fields.is_some()) && text_good && fields_good
        }
        "context" => {
            let elements = array("elements")?;
            (1..=10).contains(&elements.len())
                && elements.iter().all(|element| is_text(element, 3_000).is_some())
        }
        "divider" => true,
        "actions" => (1..=25).contains(&array("elements")?.len()),
        _ => false,
    };
    let id_good =
        block.get("block_id").is_none_or(|id| id.as_str().is_some_and(|id| id.len() <= 255));
    (good && id_good).then_some(())
}

fn is_text(text: &Value, max: usize) -> Option<()> {
    let length = text.get("text")?.as_str()?.chars().count();
    let own_key = match text.get("type")?.as_str()? {
        "plain_text" => text.get("verbatim").is_none(),
        "mrkdwn" => text.get("emoji").is_none(),
        _ => false,
    };
    (own_key && (1..=max).contains(&length)).then_some(())
}

fn sum_of_texts(value: &Value) -> usize {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, inner)| match inner.as_str() {
                Some(text) if name == "text" => text.chars().count(),
                _ => sum_of_texts(inner),
            })
            .sum(),
        Value::Array(all) => all.iter().map(sum_of_texts).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
