//! The methods: `auth.test`, `chat.postMessage`, `chat.update`, `conversations.history`, `conversations.replies`,
//! `users.conversations`.

use serde_json::{Map, Value, json};

use super::{BOT_ID, CHANNEL, Message, SECOND_CHANNEL, Shared, USER_ID, Workspace, rules};

type Arguments = Map<String, Value>;

pub(super) fn carry_out(
    shared: &Shared,
    method: &str,
    arguments: &Arguments,
) -> Result<Value, String> {
    let mut state = shared.lock();
    let answer = match method {
        "auth.test" => Ok(json!({
            "url": "https://fake.slack.example/", "team": "Fake", "user": "reclose",
            "team_id": "T0FAKE00001", "user_id": USER_ID, "bot_id": BOT_ID,
        })),
        "chat.postMessage" => post(&mut state, arguments),
        "chat.update" => update(&mut state, arguments),
        "conversations.history" => history(&state, arguments),
        "conversations.replies" => replies(&state, arguments),
        "users.conversations" => Ok(json!({
            "channels": [
                { "id": SECOND_CHANNEL, "name": "payments", "is_channel": true },
                { "id": CHANNEL, "name": "incidents", "is_channel": true },
            ],
            "response_metadata": { "next_cursor": "" },
        })),
        _ => Err("unknown_method".to_owned()),
    };
    drop(state);
    if answer.is_ok() && method.starts_with("chat.") {
        shared.record(method, arguments);
    }
    answer
}

fn post(state: &mut Workspace, arguments: &Arguments) -> Result<Value, String> {
    let channel = rules::channel(arguments)?;
    if let Some(seconds) = state.over_limit(channel) {
        return Err(format!("ratelimited:{seconds}"));
    }
    rules::content(arguments, false)?;
    let thread_ts = text(arguments, "thread_ts").map(str::to_owned);
    if let Some(thread) = &thread_ts {
        let parent = state.messages.iter().find(|one| one.channel == channel && &one.ts == thread);
        if parent.is_none_or(|parent| parent.thread_ts.is_some()) {
            return Err("thread_not_found".to_owned());
        }
    }
    let message = Message {
        channel: channel.to_owned(),
        ts: state.next_ts(),
        broadcast: thread_ts.is_some() && is_true(arguments, "reply_broadcast"),
        thread_ts,
        bot_id: BOT_ID.to_owned(),
        text: text(arguments, "text").unwrap_or_default().to_owned(),
        blocks: arguments.get("blocks").cloned().unwrap_or_else(|| json!([])),
        metadata: arguments.get("metadata").cloned().unwrap_or(Value::Null),
        edits: 0,
    };
    let answer = json!({ "channel": channel, "ts": message.ts, "message": shown(&message, true) });
    state.messages.push(message);
    Ok(answer)
}

fn update(state: &mut Workspace, arguments: &Arguments) -> Result<Value, String> {
    let channel = rules::channel(arguments)?;
    rules::content(arguments, true)?;
    let ts = text(arguments, "ts").unwrap_or_default();
    let message = state
        .messages
        .iter_mut()
        .find(|one| one.channel == channel && one.ts == ts)
        .ok_or("message_not_found")?;
    if message.bot_id != BOT_ID {
        return Err("cant_update_message".to_owned());
    }
    // What is left out stays as it is.
    if let Some(text) = text(arguments, "text") {
        text.clone_into(&mut message.text);
    }
    if let Some(blocks) = arguments.get("blocks") {
        message.blocks = blocks.clone();
    }
    if let Some(metadata) = arguments.get("metadata") {
        message.metadata = metadata.clone();
    }
    message.edits += 1;
    Ok(json!({
        "channel": channel, "ts": ts, "text": message.text, "message": shown(message, true),
    }))
}

fn history(state: &Workspace, arguments: &Arguments) -> Result<Value, String> {
    let channel = rules::channel(arguments)?;
    let seen =
        |one: &&Message| one.channel == channel && (one.thread_ts.is_none() || one.broadcast);
    let mut messages: Vec<&Message> = state.messages.iter().filter(seen).collect();
    // The newest first.
    messages.reverse();
    page(&messages, arguments)
}

fn replies(state: &Workspace, arguments: &Arguments) -> Result<Value, String> {
    let channel = rules::channel(arguments)?;
    let thread = text(arguments, "ts").unwrap_or_default();
    let seen = |one: &&Message| {
        one.channel == channel && (one.ts == thread || one.thread_ts.as_deref() == Some(thread))
    };
    let messages: Vec<&Message> = state.messages.iter().filter(seen).collect();
    if messages.is_empty() {
        return Err("thread_not_found".to_owned());
    }
    page(&messages, arguments)
}

fn page(messages: &[&Message], arguments: &Arguments) -> Result<Value, String> {
    let oldest = text(arguments, "oldest").map_or(Some(0), micros).ok_or("invalid_ts_oldest")?;
    let latest =
        text(arguments, "latest").map_or(Some(u64::MAX), micros).ok_or("invalid_ts_latest")?;
    let limit = text(arguments, "limit").map_or(Ok(100), str::parse::<usize>);
    let limit = limit.ok().filter(|limit| (1..=999).contains(limit)).ok_or("invalid_limit")?;
    let start: usize = match text(arguments, "cursor") {
        None | Some("") => 0,
        Some(cursor) => cursor.parse().map_err(|_| "invalid_cursor")?,
    };
    let inclusive = is_true(arguments, "inclusive");
    let within = |one: &&&Message| {
        let ts = micros(&one.ts).unwrap();
        (oldest < ts && ts < latest) || (inclusive && (ts == oldest || ts == latest))
    };
    let within: Vec<&&Message> = messages.iter().filter(within).collect();
    let with_metadata = is_true(arguments, "include_all_metadata");
    let shown: Vec<Value> =
        within.iter().skip(start).take(limit).map(|one| shown(one, with_metadata)).collect();
    let more = within.len() > start + limit;
    let next = if more { (start + limit).to_string() } else { String::new() };
    Ok(json!({
        "messages": shown, "has_more": more, "response_metadata": { "next_cursor": next },
    }))
}

fn shown(message: &Message, with_metadata: bool) -> Value {
    let mut shown = json!({
        "type": "message", "ts": message.ts, "text": message.text, "blocks": message.blocks,
        "bot_id": message.bot_id, "user": USER_ID, "team": "T0FAKE00001",
    });
    if let Some(thread) = &message.thread_ts {
        shown["thread_ts"] = json!(thread);
    }
    if message.broadcast {
        shown["subtype"] = json!("thread_broadcast");
    }
    if with_metadata && !message.metadata.is_null() {
        shown["metadata"] = message.metadata.clone();
    }
    shown
}

/// `1790000000.000100` in microseconds; Slack takes whole seconds too.
fn micros(ts: &str) -> Option<u64> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
    let fraction: u64 = format!("{fraction:0<6}").parse().ok()?;
    Some(seconds.parse::<u64>().ok()? * 1_000_000 + fraction)
}

fn text<'a>(arguments: &'a Arguments, name: &str) -> Option<&'a str> {
    arguments.get(name).and_then(Value::as_str)
}

fn is_true(arguments: &Arguments, name: &str) -> bool {
    matches!(arguments.get(name), Some(Value::Bool(true)))
        || matches!(text(arguments, name), Some("true" | "1" | "True"))
}
