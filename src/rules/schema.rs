//! The grammar as JSON Schema (draft-07), which editors complete and check with. Never says more than the loader holds to.
//!
//! It may say less: what depends on two keys or on other files is the loader's alone.

use serde_json::{Map, Value, json};

use super::grammar::{self, Key, Need, Shape, Takes};

#[cfg(test)]
mod tests;

/// The kinds of file that there is a schema for, by the word that the command line takes.
pub fn kinds() -> Vec<&'static str> {
    grammar::ROOTS.iter().map(|(word, _)| *word).collect()
}

/// The schema of one kind of file.
pub fn schema(kind: &str) -> Option<Value> {
    let (_, root) = grammar::ROOTS.into_iter().find(|(word, _)| *word == kind)?;
    let mut schema = object(root);
    let mut definitions = Map::new();
    for shape in grammar::under(root) {
        if shape.name != root.name {
            definitions.insert(identifier(shape), Value::Object(object(shape)));
        }
    }
    schema.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("title".into(), json!(format!("reclose: {}", root.name)));
    schema.insert("definitions".into(), Value::Object(definitions));
    Some(Value::Object(schema))
}

/// A schema as it is printed and kept: the same text for the same grammar.
pub fn text(kind: &str) -> Option<String> {
    // A value of ours has no map that JSON cannot write.
    schema(kind).map(|schema| format!("{schema:#}\n"))
}

fn identifier(shape: &Shape) -> String {
    shape.name.replace(' ', "-")
}

fn object(shape: &Shape) -> Map<String, Value> {
    let properties = shape.keys.iter().map(|key| (key.name.to_owned(), property(key)));
    let choices = shape.choices();
    let mut required: Vec<&str> =
        shape.keys.iter().filter(|key| key.need == Need::Required).map(|key| key.name).collect();
    let mut object = Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("description".to_owned(), json!(shape.about)),
        ("properties".to_owned(), Value::Object(properties.collect())),
        ("additionalProperties".to_owned(), json!(false)),
    ]);
    match choices.as_slice() {
        [] => {}
        [only] => required.push(only),
        several => {
            let one: Vec<Value> = several.iter().map(|key| json!({ "required": [key] })).collect();
            object.insert("oneOf".into(), json!(one));
        }
    }
    if !required.is_empty() {
        object.insert("required".into(), json!(required));
    }
    let unless: Vec<(&str, &str)> = shape
        .keys
        .iter()
        .filter_map(|key| match key.need {
            Need::Unless(other) => Some((key.name, other)),
            Need::Required | Need::Optional(_) | Need::OneOf => None,
        })
        .collect();
    if let Some((_, other)) = unless.first() {
        let all: Vec<&str> = unless.iter().map(|(key, _)| *key).collect();
        object.insert("anyOf".into(), json!([{ "required": [other] }, { "required": all }]));
    }
    let beside = shape.keys.iter().filter_map(|key| match key.with {
        [] => None,
        [only] => Some((key.name.to_owned(), json!([only]))),
        several => {
            let any: Vec<Value> = several.iter().map(|key| json!({ "required": [key] })).collect();
            Some((key.name.to_owned(), json!({ "anyOf": any })))
        }
    });
    let beside: Map<String, Value> = beside.collect();
    if !beside.is_empty() {
        object.insert("dependencies".into(), Value::Object(beside));
    }
    object
}

fn property(key: &Key) -> Value {
    let mut property = takes(&key.takes);
    let description = match key.need {
        Need::Optional(default) => format!("{} Unless said: {default}.", key.doc),
        Need::Unless(other) => format!("{} Unless `{other}` brings it, required.", key.doc),
        Need::Required | Need::OneOf => key.doc.to_owned(),
    };
    property.insert("description".into(), json!(description));
    if let Some(default) = default(key) {
        property.insert("default".into(), default);
    }
    Value::Object(property)
}

/// What an editor may write by itself: a single value.
fn default(key: &Key) -> Option<Value> {
    let Need::Optional(words) = key.need else { return None };
    let written = words.strip_prefix('`')?.strip_suffix('`')?;
    match key.takes {
        Takes::Text(_) | Takes::Words(_) => Some(json!(written)),
        Takes::Integer(..) => written.parse().ok().map(|number: u32| json!(number)),
        Takes::Boolean => Some(json!(written == "true")),
        Takes::Json
        | Takes::Number
        | Takes::List(_)
        | Takes::Map { .. }
        | Takes::Shape(_)
        | Takes::Either(_) => None,
    }
}

fn takes(takes: &Takes) -> Map<String, Value> {
    let value = match takes {
        Takes::Text(form) => json!({
            "type": "string",
            "pattern": form.pattern,
            "description": form.words,
            "examples": [form.example],
        }),
        Takes::Integer(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Takes::Number => json!({ "type": "number" }),
        Takes::Boolean => json!({ "type": "boolean" }),
        Takes::Words(words) => json!({ "enum": words() }),
        Takes::Json => json!({}),
        Takes::List(item) => {
            json!({ "type": "array", "minItems": 1, "items": self::takes(item) })
        }
        Takes::Map { keys, values, required } => map(keys, values, required),
        Takes::Shape(shape) => json!({ "$ref": format!("#/definitions/{}", identifier(shape)) }),
        Takes::Either(ways) => {
            json!({ "anyOf": ways.iter().map(self::takes).collect::<Vec<_>>() })
        }
    };
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// Words as keys are completed one by one; other names are checked by their form.
fn map(keys: &Takes, values: &Takes, required: &[&str]) -> Value {
    let values = Value::Object(takes(values));
    let mut map = match keys {
        Takes::Words(words) => {
            let of = words().into_iter().map(|word| (word.to_owned(), values.clone()));
            json!({
                "properties": of.collect::<Map<_, _>>(),
                "additionalProperties": false,
            })
        }
        Takes::Text(_)
        | Takes::Integer(..)
        | Takes::Number
        | Takes::Boolean
        | Takes::Json
        | Takes::List(_)
        | Takes::Map { .. }
        | Takes::Shape(_)
        | Takes::Either(_) => {
            json!({ "propertyNames": takes(keys), "additionalProperties": values })
        }
    };
    if let Value::Object(map) = &mut map {
        map.insert("type".into(), json!("object"));
        if !required.is_empty() {
            map.insert("required".into(), json!(required));
        }
    }
    map
}
