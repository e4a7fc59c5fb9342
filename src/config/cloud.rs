//! The clouds in `reclose.yaml`: where our account is and how we log in. Never takes a key that is written out.

use super::file::Settings;
use crate::rules::Node;
use crate::systems::aws::{AwsAccount, AwsLogin, is_region};
use crate::systems::azure::{AzureAccount, AzureLogin, LOGS, MANAGEMENT};

impl Settings<'_> {
    /// `aws: { region, endpoint?, profile? | keys? }`
    pub(super) fn aws(&self, node: &Node) -> Option<AwsAccount> {
        let fields = self.reader.keys(node, &["region", "endpoint", "profile", "keys"])?;
        let region = fields
            .required(self.reader, "region", "where it is: region: eu-central-1")
            .and_then(|node| self.region(node));
        let endpoint = match fields.get("endpoint") {
            Some(node) => self.base(node).map(Some),
            None => Some(None),
        };
        let login = match (fields.get("profile"), fields.get("keys")) {
            (Some(_), Some(node)) => {
                self.reader.no(node, "`profile` and `keys` are two answers", "keep one")
            }
            (Some(node), None) => {
                let profile = self.reader.text(node);
                profile.map(|profile| AwsLogin::Found { profile: Some(profile) })
            }
            (None, Some(node)) => self.aws_keys(node),
            (None, None) => Some(AwsLogin::Found { profile: None }),
        };
        Some(AwsAccount { region: region?, endpoint: endpoint?, login: login? })
    }

    fn region(&self, node: &Node) -> Option<String> {
        let region = self.reader.text(node)?;
        if is_region(&region) {
            Some(region)
        } else {
            self.reader.no(node, "not a region of AWS", "such as eu-central-1")
        }
    }

    fn aws_keys(&self, node: &Node) -> Option<AwsLogin> {
        let fields = self.reader.keys(node, &["id", "secret", "session"])?;
        let id = fields
            .required(self.reader, "id", "id: { env: AWS_KEY_ID }")
            .and_then(|node| self.kept(node));
        let secret = fields
            .required(self.reader, "secret", "secret: { env: AWS_SECRET }")
            .and_then(|node| self.kept(node));
        let session = match fields.get("session") {
            Some(node) => self.kept(node).map(Some),
            None => Some(None),
        };
        Some(AwsLogin::Keys { id: id?, secret: secret?, session: session? })
    }

    /// `azure: { login | tokens, client_id?, management?, logs? }`
    pub(super) fn azure(&self, node: &Node) -> Option<AzureAccount> {
        let known = ["login", "client_id", "tokens", "management", "logs"];
        let fields = self.reader.keys(node, &known)?;
        let base = |key: &str, default: &str| match fields.get(key) {
            Some(node) => self.base(node),
            None => Some(default.to_owned()),
        };
        let client_id = match fields.get("client_id") {
            Some(node) => self.reader.text(node).map(Some),
            None => Some(None),
        };
        let how = fields.one_of(self.reader, &["login", "tokens"]);
        let login = how.and_then(|(how, node)| match how {
            "tokens" => self.azure_tokens(node),
            _ => match self.reader.word(node, &LOGINS)? {
                Login::Managed => {
                    Some(AzureLogin::ManagedIdentity { client_id: client_id.clone()? })
                }
                Login::Workload => Some(AzureLogin::WorkloadIdentity),
            },
        });
        if let (Some(node), Some(AzureLogin::WorkloadIdentity | AzureLogin::Tokens { .. })) =
            (fields.get("client_id"), &login)
        {
            let hint = "leave it out: it names a managed identity";
            return self.reader.no(node, "`client_id` does not belong here", hint);
        }
        let (management, logs) = (base("management", MANAGEMENT), base("logs", LOGS));
        Some(AzureAccount { login: login?, management: management?, logs: logs? })
    }

    fn azure_tokens(&self, node: &Node) -> Option<AzureLogin> {
        let fields = self.reader.keys(node, &["vault", "logs", "management"])?;
        let token = |key: &str| match fields.get(key) {
            Some(node) => self.kept(node).map(Some),
            None => Some(None),
        };
        let (vault, logs, management) = (token("vault"), token("logs"), token("management"));
        Some(AzureLogin::Tokens { vault: vault?, logs: logs?, management: management? })
    }
}

#[derive(Clone, Copy)]
enum Login {
    Managed,
    Workload,
}

const LOGINS: [(&str, Login); 2] =
    [("managed_identity", Login::Managed), ("workload_identity", Login::Workload)];
