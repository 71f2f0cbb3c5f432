//! Endpoints, and what reached them.

use super::{Columns, Model, here, ours};
use crate::spec::Kind::{List, Text};

pub(super) const MODELS: &[Model] = &[
    Model {
        name: "WebhookEndpoint",
        object: "webhook_endpoint",
        columns: WEBHOOK_ENDPOINT,
    },
    Model {
        name: "WebhookEventTrigger",
        object: "",
        columns: WEBHOOK_EVENT_TRIGGER,
    },
];

const WEBHOOK_ENDPOINT: &[Columns] = &[
    here(Text, "api_version application secret status url"),
    here(List, "enabled_events"),
    ours(
        "djstripe_uuid",
        "names the endpoint in the URL; an application's own",
    ),
];

const WEBHOOK_EVENT_TRIGGER: &[Columns] = &[
    ours(
        "id remote_ip headers body valid processed exception traceback event",
        "a row of the log of deliveries",
    ),
    ours(
        "djstripe_version created updated stripe_trigger_account",
        "a row of the log of deliveries",
    ),
];
