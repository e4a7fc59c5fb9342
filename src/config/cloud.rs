//! The clouds in `reclose.yaml`: where our account is and how we log in. Never takes a key that is written out.

use super::file::Settings;
use crate::rules::Node;
use crate::systems::aws::{AwsAccount, AwsLogin, is_region};

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
}
