//! Keys of questions to Azure. Never of how to log in there: that stands in the configuration.

use super::{DURATION, Form, Shape, TEXT, Takes, URL, optional, required, words};
use crate::rules::azure::SHOWS;
use crate::rules::logs::LINES_MOST;

pub(crate) static KEY_VAULT: Shape = Shape {
    name: "key_vault",
    about: "What is known about a secret of Azure Key Vault, from the list of its versions: never its value.",
    keys: &[
        required("vault", Takes::Text(&URL), "The address of the vault."),
        required("secret", Takes::Text(&TEXT), "The name of the secret."),
        required(
            "show",
            Takes::Words(shows),
            "`version`: the name of the newest version that is enabled. `age`: seconds since it was made.",
        ),
    ],
};

pub(crate) static KEY_VAULT_PROBE: Shape = Shape {
    name: "key_vault probe",
    about: "Whether the versions of a secret can be listed and one of them is enabled. No value is read.",
    keys: &[
        required("vault", Takes::Text(&URL), "The address of the vault."),
        required("secret", Takes::Text(&TEXT), "The name of the secret."),
    ],
};

pub(crate) static AZURE_LOGS: Shape = Shape {
    name: "azure_logs",
    about: "A query to Azure Log Analytics: with `line` log lines; else one number, or rows of a name and a number.",
    keys: &[
        required("workspace", Takes::Text(&TEXT), "The id of the workspace."),
        required(
            "query",
            Takes::Text(&KQL),
            "The KQL to ask. A placeholder stands in double quotes, as a whole text.",
        ),
        optional(
            "line",
            Takes::Text(&TEXT),
            "numbers",
            "The column that holds the lines; `TimeGenerated` holds their times.",
        ),
        optional("last", Takes::Text(&DURATION), "`10m`", "How far back."),
        optional("limit", Takes::Integer(1, LINES_MOST), "`500`", "Lines at most: the newest."),
    ],
};

pub(crate) static AZURE_ACTIVITY: Shape = Shape {
    name: "azure_activity",
    about: "Operations of a subscription that failed, as log lines.",
    keys: &[
        required("subscription", Takes::Text(&TEXT), "The id of the subscription."),
        optional("group", Takes::Text(&TEXT), "all", "Of this resource group alone."),
        optional("last", Takes::Text(&DURATION), "`1h`", "How far back."),
        optional("limit", Takes::Integer(1, LINES_MOST), "`500`", "Lines at most: the newest."),
    ],
};

static KQL: Form = Form { words: "a KQL query", pattern: r"\S", example: "AppTraces" };

fn shows() -> Vec<&'static str> {
    words(&SHOWS)
}
