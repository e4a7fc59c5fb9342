//! The server: puts the parts together, runs them until told to stop, and ends them in order. Decides nothing.
//!
//! The command `serve` and the demo run the same one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::core::planted::Bugs;
use crate::core::rule::RuleSet;
use crate::core::time::Duration;
use crate::engine::clock::{Clock, since_boot};
use crate::engine::deliver::{Channel, Deliverer, Timing};
use crate::engine::intake::Intake;
use crate::engine::reload::Reloader;
use crate::engine::run::Engine;
use crate::engine::world::Outside;
use crate::engine::{probes, reconcile};
use crate::store::{StartInfo, Store};
use crate::systems::Systems;
use crate::telemetry::Metrics;
use crate::web::{self, Doors, Limits, Web, socket};

/// Effects under way end within their own limits; what lasts longer at the end is left to the next start.
const FINISH_WITHIN: Duration = Duration::from_secs(20);

/// What a server is made of: all of it checked before.
pub struct Setup {
    pub data: PathBuf,
    pub rules: RuleSet,
    /// Where they are read again; `None`: they stay as they are.
    pub reload: Option<Reload>,
    pub systems: Systems,
    pub doors: Doors,
    /// Names, beside those of loopback, under which a browser may open the page.
    pub hosts: Vec<String>,
    pub limits: Limits,
    pub channel: Channel,
    pub settle: Duration,
    /// Test-only; always empty in a released build.
    pub bugs: Bugs,
}

/// How rules are read again.
pub struct Reload {
    pub dir: PathBuf,
    /// Of the files, from before they were read for this start.
    pub fingerprint: String,
    /// Poked to have them read now.
    pub asked: Arc<Notify>,
    /// What a new set gives reason to warn of.
    pub doubts: fn(&RuleSet) -> Vec<String>,
}

/// A running server.
pub struct Server {
    store: Store,
    clock: Clock,
    address: SocketAddr,
    intake: Intake,
    intake_task: JoinHandle<()>,
    doors: Stage,
    engine: Stage,
    tellers: Stage,
}

/// Tasks that end together.
#[derive(Default)]
struct Stage {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Opens the store, takes up what the process before this one left, and opens the doors.
    pub async fn start(setup: Setup, listener: TcpListener) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let Setup { data, rules, reload, systems, doors, hosts, limits, channel, settle, bugs } =
            setup;
        let (store, clock, info) = open(&data, &rules, bugs).await?;
        let socket = socket::bind(&data).await?;
        let retired = store.retired(&rules).await?;
        let (rules, systems) = (Arc::new(RuleSet { retired, ..rules }), Arc::new(systems));
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
        metrics.rules_active(&rules.revision, clock.wall());

        let outside =
            Outside { systems: Arc::clone(&systems), store: store.clone(), clock: clock.clone() };
        let mut engine = Engine::new(store.clone(), Arc::new(outside), rules, clock.clone());
        engine.bugs = bugs;
        engine.metrics = Arc::clone(&metrics);
        engine.recover(&info, settle).await.context("cannot take up what the last process left")?;
        let engine = Arc::new(engine);
        let ingest = {
            let store = store.clone();
            move |batch| {
                let store = store.clone();
                async move { store.ingest(batch).await }
            }
        };
        let (intake, intake_task) =
            Intake::start(ingest, Arc::clone(&engine.wake), Arc::clone(&metrics));

        let (stage_doors, stage_engine, tellers) =
            (Stage::default(), Stage::default(), Stage::default());
        stage_engine.spawn(|stop| Arc::clone(&engine).run(stop));
        let reconciler = Arc::clone(&engine);
        stage_engine.spawn(|stop| async move { reconcile::run(&reconciler, stop).await });
        let prober = probes::Prober {
            store: store.clone(),
            systems,
            rules: engine.rules.clone(),
            clock: clock.clone(),
            metrics: Arc::clone(&metrics),
        };
        stage_engine.spawn(|stop| probes::run(prober, stop));
        let deliverer = Deliverer::new(store.clone(), channel, clock.clone(), Timing::default())
            .counting(Arc::clone(&metrics));
        tellers.spawn(|stop| deliverer.run(Arc::clone(&engine.tell), stop));
        let reloader = reload.map(|reload| {
            let asked = Arc::clone(&reload.asked);
            let reloader = Arc::new(reloader(&engine, reload));
            let watcher = Arc::clone(&reloader);
            stage_engine.spawn(|stop| watcher.run(asked, stop));
            reloader
        });
        let rules = engine.rules.clone();
        let door = socket::Door {
            store: store.clone(),
            rules: rules.clone(),
            reloader,
            clock: clock.clone(),
        };
        stage_doors.spawn(|stop| socket::serve(socket, door, stop));
        let web = Web {
            doors,
            intake: intake.clone(),
            limits,
            clock: clock.clone(),
            metrics,
            store: store.clone(),
            rules,
            is_loopback: address.ip().is_loopback(),
            hosts,
        };
        let router = web::router(web);
        stage_doors.spawn(|stop| web::serve(listener, router, limits, stop));
        tracing::info!(%address, data = %data.display(), "serving");
        Ok(Self {
            store,
            clock,
            address,
            intake,
            intake_task,
            doors: stage_doors,
            engine: stage_engine,
            tellers,
        })
    }

    pub const fn store(&self) -> &Store {
        &self.store
    }

    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends in the order of an alert's path, so that nothing that was begun is cut off.
    pub async fn stop(self) -> anyhow::Result<()> {
        tracing::info!("stopping");
        // From here on 503: whoever sends keeps what it has.
        self.intake.drain();
        self.doors.end("a request").await;
        if self.intake_task.await.is_err() {
            tracing::error!("the writer of alerts had ended by a fault of ours");
        }
        self.engine.end("an effect").await;
        self.tellers.end("a message").await;
        self.store.stop(self.clock.now()).await.context("the clean stop could not be written")?;
        self.store.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

impl Stage {
    fn spawn<F: Future<Output = ()> + Send + 'static>(
        &self,
        task: impl FnOnce(CancellationToken) -> F,
    ) {
        self.tasks.spawn(task(self.stop.clone()));
    }

    async fn end(self, what: &str) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(FINISH_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                within_secs = FINISH_WITHIN.as_secs(),
                "{what} did not end, and is left"
            );
        }
    }
}

fn reloader(engine: &Engine<Outside>, reload: Reload) -> Reloader {
    Reloader {
        dir: reload.dir,
        store: engine.store.clone(),
        active: engine.rules.clone(),
        clock: engine.clock.clone(),
        metrics: Arc::clone(&engine.metrics),
        tell: Arc::clone(&engine.tell),
        wake: Arc::clone(&engine.wake),
        doubts: reload.doubts,
        read: Mutex::new(reload.fingerprint),
    }
}

/// Opens the store and writes the start, on a clock that does not fall behind what the store has seen.
async fn open(
    data: &std::path::Path,
    rules: &RuleSet,
    bugs: Bugs,
) -> anyhow::Result<(Store, Clock, StartInfo)> {
    let store = Store::open(data, bugs)
        .await
        .with_context(|| format!("cannot open the data directory {}", data.display()))?;
    let info = store.start(Clock::start(None).now(), env!("CARGO_PKG_VERSION"), rules).await?;
    let clock = Clock::start(info.latest);
    tracing::info!(
        epoch = info.epoch,
        clean = info.clean,
        open_incidents = info.open_incidents,
        since_boot_secs = since_boot().as_secs(),
        rules = rules.revision,
        "started"
    );
    Ok((store, clock, info))
}
