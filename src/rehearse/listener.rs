//! Hears what the engine tells during a play, with the time of the play.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::act::Cancel;
use crate::event::{Event, Reporter};
use crate::ui::{Progress, Ui};

/// What is kept of the events: figures, as thousands of plays are told one after the other.
#[derive(Default)]
struct Figures {
    begun: BTreeMap<String, Duration>,
    turns: Vec<(String, Duration)>,
    waits: BTreeMap<String, Duration>,
    /// What is waited for since when: it lasts until the next event.
    waiting: Option<(String, Duration)>,
}

impl Figures {
    fn hear(&mut self, at: Duration, event: &Event) {
        if let Some((cause, since)) = self.waiting.take() {
            *self.waits.entry(cause).or_default() += at.saturating_sub(since);
        }
        match event {
            Event::Subject { name, .. } => drop(self.begun.insert(name.clone(), at)),
            Event::Finished { name, .. } => {
                if let Some(since) = self.begun.remove(name) {
                    self.turns.push((name.clone(), at.saturating_sub(since)));
                }
            }
            Event::Waiting { step, reason } => {
                // The cause is what stands before the figures in brackets.
                let cause = reason.split(" (").next().unwrap_or(reason);
                self.waiting = Some((format!("{step}: {cause}"), at));
            }
            _ => {}
        }
    }
}

/// Keeps the figures of all events, shows them where they are to be shown, and stops the story at its last step.
pub(super) struct Listener {
    begun: Instant,
    shown: Option<Progress>,
    until: Option<String>,
    cancel: Cancel,
    reached: AtomicBool,
    figures: Mutex<Figures>,
    subject: Mutex<String>,
}

impl Listener {
    /// Shows events on `ui`; sets `cancel` once the step `until` (`node/NAME`, `NAME` or a step's name) is done.
    pub(super) fn new(ui: Option<Ui>, until: Option<&str>, cancel: Cancel) -> Self {
        let begun = Instant::now();
        Self {
            begun,
            shown: ui.map(|ui| Progress::new(ui).timed(begun)),
            until: until.map(|step| step.trim_start_matches("node/").to_owned()),
            cancel,
            reached: AtomicBool::new(false),
            figures: Mutex::default(),
            subject: Mutex::default(),
        }
    }

    /// How long each node's turn was, in their order; and how long was waited, by step and cause.
    pub(super) fn figures(&self) -> (Vec<(String, Duration)>, BTreeMap<String, Duration>) {
        let figures = self.figures.lock().map(|mut f| std::mem::take(&mut *f)).unwrap_or_default();
        (figures.turns, figures.waits)
    }

    /// Whether the story came to its last step.
    pub(super) fn reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    fn ends_with(&self, event: &Event) -> bool {
        let Some(until) = &self.until else { return false };
        match event {
            Event::Finished { name, .. } => name == until,
            Event::Done { step, .. } => {
                let subject = self.subject.lock().map(|s| s.clone()).unwrap_or_default();
                step == until || format!("{subject}/{step}") == *until
            }
            _ => false,
        }
    }
}

impl Reporter for Listener {
    fn event(&self, event: &Event) {
        if let (Event::Subject { name, .. }, Ok(mut subject)) = (event, self.subject.lock()) {
            name.clone_into(&mut subject);
        }
        if let Some(shown) = &self.shown {
            shown.event(event);
        }
        if let Ok(mut figures) = self.figures.lock() {
            figures.hear(self.begun.elapsed(), event);
        }
        if self.ends_with(event) {
            self.reached.store(true, Ordering::Relaxed);
            self.cancel.set();
        }
    }
}
