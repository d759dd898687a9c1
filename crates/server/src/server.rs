//! A running server: started from a configuration, stopped in good order.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::analytics::SAMPLE_EVERY;
use crate::api::ApiError;
use crate::app::App;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::error::{Error, Result};
use crate::http::{Front, Listener, Tls};
use crate::sites::NewSite;

/// A running server.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Server {
    /// Binds the port, opens the data folder, recovers, and answers requests when this returns.
    pub async fn start(config: Config) -> Result<Server> {
        config.check()?;
        // First what fails most often and needs no recovery; connections wait in the backlog until all is open.
        let listener = Listener::bind(&config.http).await?;
        let address = listener.address();
        let folder = DataFolder::open(&config.data)?;
        let opened = tokio::task::spawn_blocking(move || {
            let tls = Tls::open(&config.http, &folder)?;
            Ok::<_, Error>((App::open(config, folder)?, tls))
        });
        let (app, tls) = opened.await.map_err(|error| Error::part("start", error))??;
        let app = Arc::new(app);
        let front = Arc::new(Front::new(app.clone()));
        let serving =
            tokio::spawn(listener.serve(front, tls, app.config.http.clone(), app.connections.clone(), app.stopping()));
        tokio::spawn(sample_progress(app.clone()));
        tracing::info!(%address, data = %app.config.data.display(), "serving");
        Ok(Server { app, address, serving })
    }

    /// Address and port that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL that a browser on this machine can open.
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { [0u16, 0, 0, 0, 0, 0, 0, 1].into() });
        }
        format!("http://{address}")
    }

    /// The key of the site of that name, which is created with the defaults when it isn't there.
    pub async fn ensure_site(&self, name: &str) -> Result<String> {
        let (app, name) = (self.app.clone(), name.to_owned());
        let made = tokio::task::spawn_blocking(move || match app.sites.named(&name) {
            Ok(view) => Ok(view),
            Err(_) => app.create_site(NewSite::named(&name)),
        });
        let view = made.await.map_err(|error| Error::part("the registry of sites", error))?;
        let said = |error: ApiError| Error::part("the registry of sites", format!("{}; {}", error.message, error.hint));
        Ok(view.map_err(said)?.site.key.clone())
    }

    /// Lets begun requests end, writes a last checkpoint, closes the data folder. Bounded in time.
    pub async fn stop(self) -> Result<()> {
        self.app.stop();
        self.serving.await.map_err(|error| Error::part("stop", error))?;
        self.app.analytics.stop(Duration::from_millis(self.app.config.pipeline.stop_timeout_ms)).await;
        Ok(())
    }
}

/// Looks how far the results are behind, until the server stops.
async fn sample_progress(app: Arc<App>) {
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopping = app.stopping();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let looked = app.clone();
        let look = move || looked.analytics.progress.sample(jiff::Timestamp::now().as_microsecond());
        match tokio::task::spawn_blocking(look).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "how far the results are behind is unknown"),
            Err(error) => tracing::error!(%error, "how far the results are behind is unknown"),
        }
    }
}

/// Resolves at Ctrl-C or SIGTERM. The handlers are there when this returns.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("Ctrl-C: stopping"),
        }
    })
}
