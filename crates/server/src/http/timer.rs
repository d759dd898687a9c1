//! The timer of one connection.
//!
//! hyper asks for a new timer for each request's head and drops it when the head is there. Each would be put into the
//! runtime's wheel and taken out again, under a lock that all connections share, though hardly one ever ends. Here a
//! connection has one timer in the wheel, which is not touched while deadlines only move on: when it ends too early it is
//! set again, once in a timeout.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use parking_lot::Mutex;

/// Makes sleeps of one connection; one of them is polled at a time, by the connection's task.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionTimer {
    alarm: Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>,
}

struct Until {
    deadline: Instant,
    timer: ConnectionTimer,
}

impl Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Until { deadline, timer: self.clone() })
    }
}

impl Sleep for Until {}

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline.into();
        let mut alarm = self.timer.alarm.lock();
        let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        while alarm.as_mut().poll(context).is_ready() {
            if alarm.deadline() >= deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ends_after(timer: &ConnectionTimer, wait: Duration) {
        let begun = Instant::now();
        timer.sleep(wait).await;
        let took = begun.elapsed();
        assert!(took >= wait && took < wait + Duration::from_secs(5), "{took:?} instead of {wait:?}");
    }

    #[tokio::test]
    async fn a_sleep_ends_at_its_own_deadline_after_later_and_earlier_ones() {
        let timer = ConnectionTimer::default();
        let dropped = async |wait| {
            let short = Duration::from_millis(1);
            assert!(tokio::time::timeout(short, timer.sleep(wait)).await.is_err());
        };
        dropped(Duration::from_secs(3_600)).await;
        ends_after(&timer, Duration::from_millis(20)).await;
        dropped(Duration::from_millis(30)).await;
        ends_after(&timer, Duration::from_millis(60)).await;
        ends_after(&timer, Duration::from_millis(5)).await;
    }
}
