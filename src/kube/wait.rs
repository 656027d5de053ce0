//! Waits that end: every one has a deadline and can say what it waits for.

use std::time::Duration;

use tokio::time::Instant;

use super::watch::Watch;
use crate::error::{Error, Result};

/// What one look at the world found.
pub enum Poll<T> {
    /// It is so.
    Ready(T),
    /// Not yet, because.
    Pending(String),
    /// Not yet, because; and only a change of a watched object can make it so.
    Watched(String),
}

/// Looks again every `interval` until it is so, or fails after `limit` with the last reason.
///
/// A transient error of a look counts as "not yet": the API server may be away for a moment.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    interval: Duration,
    look: impl AsyncFnMut() -> Result<Poll<T>>,
) -> Result<T> {
    wait(what, limit, interval, None, look).await
}

/// The same, without the looks that would see nothing new: after [`Poll::Watched`] it looks when the watch was told of
/// a change.
pub async fn until_told<T>(
    what: &str,
    limit: Duration,
    interval: Duration,
    watch: Watch,
    look: impl AsyncFnMut() -> Result<Poll<T>>,
) -> Result<T> {
    wait(what, limit, interval, Some(watch), look).await
}

async fn wait<T>(
    what: &str,
    limit: Duration,
    interval: Duration,
    mut watch: Option<Watch>,
    mut look: impl AsyncFnMut() -> Result<Poll<T>>,
) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        let (reason, watch) = match look().await {
            Ok(Poll::Ready(value)) => return Ok(value),
            Ok(Poll::Pending(reason)) => (reason, None),
            Ok(Poll::Watched(reason)) => (reason, watch.as_mut()),
            Err(e) if e.transient => (e.message, None),
            Err(e) => return Err(e),
        };
        if Instant::now() + interval > end {
            return Err(Error::failed(format!("{what}: not within {} s: {reason}", limit.as_secs())));
        }
        match watch {
            Some(watch) => watch.pause(interval, end).await,
            None => pause(interval).await,
        }
    }
}

/// A pause on tokio's clock, so that a rehearsal does not take it for real.
pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_its_last_reason() {
        let mut looks = 0;
        let result = until::<()>("node n1", Duration::from_secs(5), Duration::from_secs(1), async || {
            looks += 1;
            Ok(Poll::Pending(format!("look {looks}")))
        })
        .await;
        assert_eq!(result.expect_err("a timeout").message, "node n1: not within 5 s: look 6");
    }

    #[tokio::test(start_paused = true)]
    async fn a_transient_error_is_not_the_end_and_a_real_one_is() {
        let mut answers =
            vec![Err(Error::failed("refused")), Err(Error { transient: true, ..Error::failed("stalled") })];
        let result = until::<()>("x", Duration::from_secs(9), Duration::from_secs(1), async || {
            answers.pop().expect("an answer")
        })
        .await;
        assert_eq!(result.expect_err("the real one").message, "refused");
    }
}
