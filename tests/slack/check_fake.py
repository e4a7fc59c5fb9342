"""Drives the fake Slack of the tests with Slack's own client: what the client expects, the fake must do.

    check_fake.py API_URL TOKEN      (the fake: one post a second and channel, 20 at once)
"""

import sys
import time

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.models.blocks import ContextBlock, HeaderBlock, MarkdownTextObject, SectionBlock
from slack_sdk.models.metadata import Metadata

api_url, token = sys.argv[1:]
# Without its retries: a refusal must be seen as one.
client = WebClient(token=token, base_url=f"{api_url}/", timeout=10, retry_handlers=[])
checks = 0


def check(holds, what):
    global checks
    checks += 1
    if not holds:
        sys.exit(f"the fake is not like Slack: {what}")


def refused(code, call, **arguments):
    try:
        answer = call(**arguments)
    except SlackApiError as error:
        check(error.response["error"] == code, f"{error.response['error']} instead of {code}")
        return error.response
    sys.exit(f"the fake is not like Slack: {code} expected, got {answer.data}")


me = client.auth_test()
check(me["ok"] and me["bot_id"].startswith("B") and me["user_id"].startswith("U"), "auth.test")
refused("invalid_auth", WebClient(token="xoxb-wrong", base_url=f"{api_url}/", retry_handlers=[]).auth_test)
refused("not_authed", WebClient(base_url=f"{api_url}/", retry_handlers=[]).auth_test)

# --- channels
channels = client.users_conversations(types="public_channel,private_channel")["channels"]
ids = {channel["name"]: channel["id"] for channel in channels}
incidents = ids["incidents"]
by_name = client.chat_postMessage(channel="#incidents", text="by name")
check(by_name["channel"] == incidents, "a post by name answers with the id")
refused("channel_not_found", client.chat_postMessage, channel="#nowhere", text="x")
refused("is_archived", client.chat_postMessage, channel="C0ARCHIVED1", text="x")
refused("not_in_channel", client.chat_postMessage, channel="C0STRANGER1", text="x")
refused("not_in_channel", client.conversations_history, channel="C0STRANGER1")

# --- a message with blocks and metadata, and what comes back
blocks = [
    HeaderBlock(text="INC-1"),
    SectionBlock(text="what happened", fields=["a", "b"]),
    ContextBlock(elements=[MarkdownTextObject(text="context")]),
]
metadata = Metadata(event_type="reclose_delivery", event_payload={"d": "e/INC-1/root"})
root = client.chat_postMessage(channel=incidents, text="root", blocks=blocks, metadata=metadata)
check(root["message"]["text"] == "root" and root["message"]["bot_id"] == me["bot_id"], "the message in the answer")
shown = client.conversations_history(channel=incidents, include_all_metadata=True)["messages"]
check([one["text"] for one in shown] == ["root", "by name"], "history: the newest first")
check(shown[0]["metadata"]["event_payload"] == {"d": "e/INC-1/root"}, "metadata in history")
check(shown[0]["blocks"][0]["type"] == "header", "blocks in history")
bare = client.conversations_history(channel=incidents)["messages"]
check("metadata" not in bare[0], "metadata only when asked for")

# --- threads
reply = client.chat_postMessage(channel=incidents, text="reply", thread_ts=root["ts"])
loud = client.chat_postMessage(channel=incidents, text="loud", thread_ts=root["ts"], reply_broadcast=True)
thread = client.conversations_replies(channel=incidents, ts=root["ts"])["messages"]
check([one["text"] for one in thread] == ["root", "reply", "loud"], "replies: the parent and then the oldest first")
check(thread[1]["thread_ts"] == root["ts"], "thread_ts of a reply")
in_channel = [one["text"] for one in client.conversations_history(channel=incidents)["messages"]]
check("loud" in in_channel and "reply" not in in_channel, "only a broadcast stands in the channel")
refused("thread_not_found", client.conversations_replies, channel=incidents, ts="1.000001")

# --- edits
client.chat_update(channel=incidents, ts=root["ts"], text="edited")
edited = client.conversations_history(channel=incidents, include_all_metadata=True, latest=root["ts"], inclusive=True)
newest = edited["messages"][0]
check(newest["text"] == "edited" and newest["blocks"] and newest["metadata"], "what an edit leaves out stays")
client.chat_update(channel=incidents, ts=root["ts"], text="edited", blocks=[])
check(client.conversations_replies(channel=incidents, ts=root["ts"])["messages"][0]["blocks"] == [], "blocks taken away")
refused("message_not_found", client.chat_update, channel=incidents, ts="1.000001", text="x")

# --- windows and pages
window = client.conversations_history(channel=incidents, oldest=by_name["ts"], latest=root["ts"])["messages"]
check(window == [], "a window without its ends")
window = client.conversations_history(channel=incidents, oldest=by_name["ts"], latest=root["ts"], inclusive=True)
check(len(window["messages"]) == 2, "a window with its ends")
pages = [page for page in client.conversations_history(channel=incidents, limit=1)]
check([len(page["messages"]) for page in pages] == [1, 1, 1] and not pages[-1]["has_more"], "three pages of one")
refused("invalid_limit", client.conversations_history, channel=incidents, limit=0)
refused("invalid_cursor", client.conversations_history, channel=incidents, cursor="bad")
refused("invalid_ts_oldest", client.conversations_history, channel=incidents, oldest="yesterday")

# --- contents
section = {"type": "section", "text": {"type": "plain_text", "text": "x"}}
post = client.chat_postMessage
refused("no_text", post, channel=incidents)
refused("msg_too_long", post, channel=incidents, text="x" * 40_001)
refused("invalid_blocks", post, channel=incidents, text="x", blocks=[section] * 51)
refused("invalid_blocks", post, channel=incidents, text="x", blocks=[{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}])
long = {"type": "section", "text": {"type": "plain_text", "text": "x" * 3_000}}
refused("msg_blocks_too_long", post, channel=incidents, text="x", blocks=[long] * 5)
refused("metadata_too_large", post, channel=incidents, text="x", metadata={"event_type": "x", "event_payload": {"d": "x" * 20_000}})
refused("invalid_metadata_format", post, channel=incidents, text="x", metadata={"event_type": "x"})

# --- limits: of each channel, with Retry-After, which the client's own handler obeys
limited = None
for number in range(40):
    try:
        post(channel=incidents, text=f"burst {number}")
    except SlackApiError as error:
        limited = error.response
        break
check(limited is not None and limited.status_code == 429, "one post a second and channel")
check(limited["error"] == "ratelimited" and int(limited.headers["Retry-After"]) >= 1, "Retry-After")
post(channel=ids["payments"], text="another channel has a limit of its own")
patient = WebClient(token=token, base_url=f"{api_url}/", retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=3)])
began = time.monotonic()
check(patient.chat_postMessage(channel=incidents, text="after a wait")["ok"], "a post after Retry-After")
check(time.monotonic() - began >= 0.5, "the client waited")

print(f"{checks} checks of the fake with slack_sdk's WebClient")
