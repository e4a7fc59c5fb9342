"""Judges every body that the tests have sent, by the models of slack_sdk. Sends nothing, changes nothing.

    validate.py BODIES.jsonl...           every body must be accepted; their number is printed
    validate.py --planted PLANTED.jsonl   every body must be refused
    validate.py --typescript OUT BODIES.jsonl...            writes the bodies as literals, for tsc
    validate.py --typescript-planted OUT PLANTED.jsonl      the same, each expected to be an error
"""

import json
import logging
import sys

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block, ContextBlock, HeaderBlock, SectionBlock
from slack_sdk.models.blocks.basic_components import TextObject
from slack_sdk.models.metadata import Metadata

# Documented limits that slack_sdk leaves to the server.
BLOCKS_MAX = 50
TEXT_MAX = 40_000
FIELD_MAX = 2_000
# slack_sdk only warns of a kind that it does not know.
KINDS = {"header": HeaderBlock, "section": SectionBlock, "context": ContextBlock}
# A body without fault: each planted one replaces a part of it.
GOOD = {
    "channel": "C0INCIDENTS",
    "text": "x",
    "metadata": {"event_type": "reclose_delivery", "event_payload": {"d": "e/INC-1/root", "r": "1"}},
    "parse": "none",
    "link_names": False,
}
GOOD_POST = {"unfurl_links": False, "unfurl_media": False}
GOOD_UPDATE = {"ts": "1.000001"}
# Too long to stand in a file that people read.
LONG = {
    "HEADER_OF_151": "x" * 151,
    "SECTION_OF_3001": "x" * 3001,
    "FIELD_OF_2001": "x" * 2001,
    "TEXT_OF_40001": "x" * 40_001,
    "BLOCKS_51": [{"type": "section", "text": {"type": "plain_text", "text": "x"}}] * 51,
}


class Refused(Exception):
    pass


def judge(body):
    """Raises if Slack's own models find fault with the body."""
    blocks = body.get("blocks", [])
    if not body.get("text"):
        raise Refused("no fallback text")
    if len(body["text"]) > TEXT_MAX:
        raise Refused("text too long")
    if len(blocks) > BLOCKS_MAX:
        raise Refused(f"{len(blocks)} blocks")
    parsed = Block.parse_all(blocks)
    for raw, block in zip(blocks, parsed, strict=True):
        if not isinstance(block, KINDS.get(raw.get("type"), ())):
            raise Refused(f"a block of the kind {raw.get('type')}")
        block.validate_json()
        for text in texts(block):
            text.validate_json()
            if not text.text:
                raise Refused("an empty text")
        if any(len(field.text) > FIELD_MAX for field in getattr(block, "fields", None) or []):
            raise Refused("a field too long")
        same(raw, block.to_dict())
    metadata = body["metadata"]
    # Its constructor asks for both parts.
    same(metadata, Metadata(**metadata).to_dict())


def texts(block):
    """The text objects inside a block: validating a block does not validate them."""
    single = getattr(block, "text", None)
    many = (getattr(block, "fields", None) or []) + (getattr(block, "elements", None) or [])
    found = ([single] if single is not None else []) + many
    for text in found:
        if not isinstance(text, TextObject):
            raise Refused(f"a text object was expected, not {text!r}")
    return found


def same(raw, parsed):
    """What a model did not take over, it does not know."""
    if raw != parsed:
        raise Refused(f"not as slack_sdk writes it: {json.dumps(raw)} / {json.dumps(parsed)}")


def lines(paths):
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield f"{path}:{number}", json.loads(line)


def planted(paths):
    for where, line in lines(paths):
        rest = GOOD_UPDATE if line["method"] == "chat.update" else GOOD_POST
        text = json.dumps({**GOOD, **rest, **line["body"]})
        for name, long in LONG.items():
            text = text.replace(json.dumps(name), json.dumps(long))
        yield where, line, json.loads(text)


FAULTS = (Refused, SlackObjectFormationError, TypeError, ValueError, KeyError, AttributeError)


def validate(paths):
    number = 0
    for where, line in lines(paths):
        try:
            judge(line["body"])
        except FAULTS as fault:
            sys.exit(f"slack_sdk refuses {where}: {type(fault).__name__}: {fault}")
        number += 1
    if number == 0:
        sys.exit("slack_sdk: there were no bodies to validate")
    print(f"{number} bodies validated by slack_sdk")


def validate_planted(paths):
    judge({**GOOD, **GOOD_POST})
    refused = 0
    for where, line, body in planted(paths):
        if "slack_sdk" not in line["refused_by"]:
            continue
        try:
            judge(body)
        except FAULTS:
            refused += 1
        else:
            sys.exit(f"slack_sdk accepts a planted fault, {where}: {line['why']}")
    print(f"{refused} planted faults refused by slack_sdk")


def typescript(out, paths):
    number = 0
    with open(out, "w", encoding="utf-8") as file:
        file.write("import type { Post, Update } from './bodies.js';\n")
        for where, line in lines(paths):
            number += 1
            literal(file, number, where, line["method"], line["body"])
    print(f"{number} bodies")


def typescript_planted(out, paths):
    number = 0
    with open(out, "w", encoding="utf-8") as file:
        file.write("import type { Post, Update } from './bodies.js';\n")
        for where, line, body in planted(paths):
            if "tsc" in line["refused_by"]:
                number += 1
                file.write("// @ts-expect-error\n")
                literal(file, number, f"{where}: {line['why']}", line["method"], body)
    print(f"{number} planted faults")


def literal(file, number, where, method, body):
    kind = {"chat.postMessage": "Post", "chat.update": "Update"}[method]
    # JSON is TypeScript; a literal is checked for what does not belong, too.
    file.write(f"export const body{number}: {kind} = {json.dumps(body)}; // {where}\n")


if __name__ == "__main__":
    # It warns of every kind of block that it does not know; that is a fault here.
    logging.disable(logging.WARNING)
    match sys.argv[1:]:
        case ["--planted", *paths]:
            validate_planted(paths)
        case ["--typescript", out, *paths]:
            typescript(out, paths)
        case ["--typescript-planted", out, *paths]:
            typescript_planted(out, paths)
        case paths:
            validate(paths)
