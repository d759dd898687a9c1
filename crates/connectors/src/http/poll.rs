//! Fetches a URL again and again.

use std::sync::Arc;
use std::time::Duration;

use super::client::Client;
use super::inbox::Inbox;
use crate::runtime::runtime;

/// Fetches as long as it is kept.
pub(super) struct Polling(tokio::task::AbortHandle);

impl Drop for Polling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins to fetch. What can't be had is tried again after the interval; what there is no room for waits.
pub(super) fn poll(client: Arc<Client>, interval: Duration, inbox: Arc<Inbox>) -> Result<Polling, String> {
    let polling = runtime()?.spawn(async move {
        loop {
            match client.get(client.path()).await {
                Ok(answer) if answer.is_success() => {
                    while !inbox.put(answer.body.clone()) {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
                Ok(answer) => {
                    tracing::warn!(url = client.url(), said = answer.said(), "the URL could not be fetched");
                    inbox.fail();
                }
                Err(error) => {
                    tracing::warn!(url = client.url(), error, "the URL could not be fetched");
                    inbox.fail();
                }
            }
            tokio::time::sleep(interval).await;
        }
    });
    Ok(Polling(polling.abort_handle()))
}
