//! `PromQL` of a rule: checked, its placeholders set in the syntax tree, the query for its age derived. Never asked here.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector};

use super::fill::{Filled, whole};
use super::mistake::Mistake;
use super::read::Reader;
use super::yaml::Node;

/// A query as it will be asked.
pub(crate) struct Query {
    pub(crate) text: String,
    /// The age of its oldest sample in seconds; `None` if it reads no samples.
    pub(crate) age: Option<String>,
}

/// How far a query is trusted that our parser refuses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Parsed,
    /// `promql: unchecked`: our parser lags behind Prometheus 3.
    Unchecked,
}

/// Where the age of a query's samples comes from.
#[derive(Clone, Copy)]
pub(crate) enum Age<'n> {
    Derived,
    /// `age:` of the rule.
    Given(&'n Node),
    /// Each point of a range carries its own time; an age has no age.
    NotNeeded,
}

/// An age that makes every reading stale: for queries whose samples we cannot see.
const ALWAYS_STALE: &str = "vector(time())";

impl Reader {
    /// A query, and how old the samples behind its value are.
    pub(crate) fn promql(&self, node: &Node, age: Age<'_>, check: Check) -> Option<Query> {
        let text = self.text(node)?;
        let given = match age {
            Age::Given(age) => Some(self.promql(age, Age::NotNeeded, check)?.text),
            Age::Derived | Age::NotNeeded => None,
        };
        let mut expr = match promql_parser::parser::parse(&text) {
            Ok(expr) => expr,
            Err(why) => {
                self.unparsed(node, &text, (age, check), &why)?;
                let stale = || matches!(age, Age::Derived).then(|| ALWAYS_STALE.to_owned());
                return Some(Query { text, age: given.or_else(stale) });
            }
        };
        let mut fill = Fill { reader: self, node, changed: false };
        each_selector(&mut expr, &mut |selector| fill.selector(selector))?;
        // Labels are printed in order, so they have to stand in order to be read back as the same tree.
        each_selector(&mut expr, &mut |selector| {
            selector.matchers.matchers.sort_by_cached_key(ToString::to_string);
            Some(())
        })?;
        let text = if fill.changed { self.printed(node, &expr)? } else { text };
        let derived = match (age, age_query(&expr)) {
            (Age::NotNeeded | Age::Given(_), _) => given,
            (Age::Derived, Ok(derived)) => derived,
            (Age::Derived, Err(selector)) => {
                let message = format!("the age of `{selector}` cannot be asked");
                return self.no(node, message, "write the selector in a simpler way");
            }
        };
        Some(Query { text, age: derived })
    }

    fn unparsed(&self, node: &Node, text: &str, how: (Age<'_>, Check), why: &str) -> Option<()> {
        let message = format!("not readable as PromQL: {why}");
        if text.split('"').any(|part| whole(part).is_some()) {
            return self.no(
                node,
                message,
                "a query with a placeholder must be one that the parser reads",
            );
        }
        match how {
            (Age::Derived, Check::Unchecked) => {
                let hint = "add `age:`, a query for the age of its oldest sample in seconds";
                self.no(node, "nobody knows how old the samples of this unchecked query are", hint)
            }
            (Age::Given(_) | Age::NotNeeded, Check::Unchecked) => Some(()),
            (Age::Derived | Age::Given(_) | Age::NotNeeded, Check::Parsed) => {
                let hint = if matches!(how.0, Age::Derived) {
                    "its samples count as stale; if Prometheus takes it, add `promql: unchecked` and `age:`"
                } else {
                    "if Prometheus takes it, add `promql: unchecked`"
                };
                self.push(Mistake::error(&self.source, node.place(), message).hint(hint).warning());
                Some(())
            }
        }
    }

    /// The query as text again. Refused unless it reads back as the same tree: then nothing broke out of its place.
    fn printed(&self, node: &Node, expr: &Expr) -> Option<String> {
        let text = expr.to_string();
        match promql_parser::parser::parse(&text) {
            Ok(again) if again == *expr => Some(text),
            Ok(_) | Err(_) => self.no(
                node,
                "the placeholders of this query cannot be filled in safely",
                "write it in a simpler way, or without placeholders",
            ),
        }
    }
}

/// Sets the values of placeholders in label matchers.
struct Fill<'a> {
    reader: &'a Reader,
    node: &'a Node,
    changed: bool,
}

impl Fill<'_> {
    fn selector(&mut self, selector: &mut VectorSelector) -> Option<()> {
        let (reader, at) = (self.reader, self.node.place());
        let mut left_out = |matchers: &mut Vec<Matcher>| {
            let before = matchers.len();
            matchers.retain(|one| whole(&one.value).is_none_or(|name| !reader.left_out(name, &at)));
            self.changed |= matchers.len() < before;
        };
        left_out(&mut selector.matchers.matchers);
        selector.matchers.or_matchers.iter_mut().for_each(left_out);
        let alternatives = selector.matchers.or_matchers.iter_mut().flatten();
        for matcher in selector.matchers.matchers.iter_mut().chain(alternatives) {
            self.matcher(matcher)?;
        }
        Some(())
    }

    fn matcher(&mut self, matcher: &mut Matcher) -> Option<()> {
        let Some(name) = whole(&matcher.value).map(str::to_owned) else { return Some(()) };
        if matches!(matcher.op, MatchOp::Re(_) | MatchOp::NotRe(_)) {
            let hint = format!("compare with `=` or `!=`: {}=\"{{{name}}}\"", matcher.name);
            return self.reader.no(self.node, "a placeholder cannot be a pattern", &hint);
        }
        if let Filled::Value(value) = self.reader.fill(&name, self.node.place())? {
            matcher.value = value;
            self.changed = true;
        }
        Some(())
    }
}

/// Does something to every selector of a query, until it fails.
fn each_selector(
    expr: &mut Expr,
    todo: &mut impl FnMut(&mut VectorSelector) -> Option<()>,
) -> Option<()> {
    match expr {
        Expr::Aggregate(aggregate) => {
            if let Some(param) = &mut aggregate.param {
                each_selector(param, todo)?;
            }
            each_selector(&mut aggregate.expr, todo)
        }
        Expr::Unary(unary) => each_selector(&mut unary.expr, todo),
        Expr::Binary(binary) => {
            each_selector(&mut binary.lhs, todo)?;
            each_selector(&mut binary.rhs, todo)
        }
        Expr::Paren(paren) => each_selector(&mut paren.expr, todo),
        Expr::Subquery(subquery) => each_selector(&mut subquery.expr, todo),
        Expr::Call(call) => {
            call.args.args.iter_mut().try_for_each(|argument| each_selector(argument, todo))
        }
        Expr::VectorSelector(selector) => todo(selector),
        Expr::MatrixSelector(matrix) => todo(&mut matrix.vs),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Some(()),
    }
}

/// The age in seconds of the oldest sample that a query reads: the oldest of its selectors counts.
///
/// `timestamp()` tells the time of a sample only for a bare selector, so each is asked for itself. `Err` names a
/// selector that does not survive printing.
fn age_query(expr: &Expr) -> Result<Option<String>, String> {
    let mut selectors = Vec::new();
    collect(expr, &mut selectors);
    let mut ages = Vec::new();
    for selector in selectors {
        let text = selector.to_string();
        let same = promql_parser::parser::parse(&text)
            .is_ok_and(|again| again == Expr::VectorSelector(selector.clone()));
        if !same {
            return Err(text);
        }
        let age = format!("time() - min(timestamp({text}))");
        if !ages.contains(&age) {
            ages.push(age);
        }
    }
    Ok(match ages.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        // Without a label that tells them apart, `or` would keep the first and drop the others.
        several => {
            let labelled: Vec<String> = several
                .iter()
                .enumerate()
                .map(|(index, age)| {
                    format!("label_replace({age}, \"selector\", \"{index}\", \"\", \"\")")
                })
                .collect();
            Some(format!("max({})", labelled.join(" or ")))
        }
    })
}

fn collect<'e>(expr: &'e Expr, selectors: &mut Vec<&'e VectorSelector>) {
    match expr {
        Expr::Aggregate(aggregate) => {
            if let Some(param) = &aggregate.param {
                collect(param, selectors);
            }
            collect(&aggregate.expr, selectors);
        }
        Expr::Unary(unary) => collect(&unary.expr, selectors),
        Expr::Binary(binary) => {
            collect(&binary.lhs, selectors);
            collect(&binary.rhs, selectors);
        }
        Expr::Paren(paren) => collect(&paren.expr, selectors),
        Expr::Subquery(subquery) => collect(&subquery.expr, selectors),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| collect(argument, selectors)),
        Expr::VectorSelector(selector) => selectors.push(selector),
        Expr::MatrixSelector(matrix) => selectors.push(&matrix.vs),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}
