//! Waiting for a rule that does not fire.

use super::*;

#[tokio::test]
async fn a_rule_that_cannot_fire_is_not_waited_for_and_one_that_does_not_is_named() {
    let short = Duration::from_millis(20);
    let proxy = Proxy::start(1).await.expect("a port");
    assert_eq!(proxy.until_fired().await, Err(NotFired::NoRule));
    proxy.cut_before("COMMMIT PREPARED");
    let error = proxy.fires_within(short).await.expect_err("nobody is there");
    assert!(error.to_string().contains("\"COMMMIT PREPARED\" came"), "{error}");
    let waiting = async { tokio::join!(proxy.until_fired(), async { proxy.heal() }).0 };
    assert_eq!(waiting.await, Err(NotFired::NoRule));
    proxy.cut_before("COMMIT PREPARED");
    proxy.state.send_modify(|state| {
        state.strike("commit prepared 'g'");
    });
    assert_eq!(proxy.until_fired().await, Ok(()));
}
