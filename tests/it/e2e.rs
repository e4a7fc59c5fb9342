//! From the breaker's opening to the last message, with nothing in between made up: a real opossum breaker, scraped by a
//! real Prometheus, alerted by a real Alertmanager; one rule file for 429, 503 and 401. Slack alone is a fake.

mod lab;

use lab::Lab;

/// So long opossum waits when only a reset shall close it.
const FOR_EVER_MS: u32 = 600_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_429_waits_as_long_as_it_was_told_and_recovers_by_itself() {
    let lab = Lab::start("e2e-429", 3_000, 1).await;
    lab.app.mode("status=429&retry_after=8&for_ms=8000").await;
    lab.root_says("recovered").await;
    let resets = lab.app.get("/resets").await;
    assert_eq!(resets["received"], 0, "a rate limit is waited out, never reset: {resets}");
    let told = thread(&lab);
    assert!(told.contains("rate_limited"), "{told}");
    assert!(told.contains("told us to wait"), "{told}");
    assert_eq!(lab.roots().len(), 1);
    assert_eq!(lab.app.get("/state").await["state"], "closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_503_is_reset_once_when_the_upstream_is_well() {
    let lab = Lab::start("e2e-503", FOR_EVER_MS, 1).await;
    lab.app.mode("status=503&for_ms=12000").await;
    lab.root_says("recovered").await;
    one_reset(&lab).await;
    let told = thread(&lab);
    assert!(told.contains("upstream_5xx"), "{told}");
    assert_eq!(lab.roots().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_401_is_never_reset_and_a_person_is_called() {
    let lab = Lab::start("e2e-401", FOR_EVER_MS, 1).await;
    lab.app.mode("status=401").await;
    lab.root_says("credentials").await;
    let called = || {
        lab.thread().iter().any(|message| message.broadcast && message.text.contains("S0ONCALL"))
    };
    assert!(crate::served::until(called).await, "nobody was mentioned: {:#?}", lab.thread());
    let resets = lab.app.get("/resets").await;
    assert_eq!(
        resets["received"], 0,
        "refused credentials are never answered by a reset: {resets}"
    );
    assert_eq!(lab.app.get("/state").await["state"], "open");
    // Somebody renews the credentials and closes the breaker: it is noticed.
    lab.app.mode("status=200").await;
    let reset = lab.app.url.clone() + "/admin/circuit-breaker/reset";
    let by_hand = crate::served::client()
        .post(reset)
        .bearer_auth("lab-reset-token")
        .header("idempotency-key", "a-person")
        .send()
        .await;
    assert!(by_hand.unwrap().status().is_success());
    lab.root_says("recovered").await;
}

/// Two Alertmanagers in HA, one of them restarted in the middle: one incident, one action.
#[tokio::test(flavor = "multi_thread")]
async fn two_alertmanagers_are_one_incident_and_one_action() {
    let mut lab = Lab::start("e2e-ha", FOR_EVER_MS, 2).await;
    lab.app.mode("status=503&for_ms=12000").await;
    lab.root_says("inc-1").await;
    let mut second = lab.alertmanagers.pop().unwrap();
    second.restart().await;
    lab.alertmanagers.push(second);
    lab.root_says("recovered").await;
    one_reset(&lab).await;
    let incidents = lab.place.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(lab.roots().len(), 1);
}

async fn one_reset(lab: &Lab) {
    let resets = lab.app.get("/resets").await;
    assert_eq!(resets["received"], 1, "{resets}");
    assert_eq!(resets["done"], 1, "{resets}");
}

fn thread(lab: &Lab) -> String {
    lab.thread().iter().map(|message| format!("{} {}\n", message.text, message.blocks)).collect()
}
