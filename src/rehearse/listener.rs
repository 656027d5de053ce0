//! Hears what the engine tells during a play, with the time of the play.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::act::Cancel;
use crate::event::{Event, Reporter};
use crate::ui::{Progress, Ui};

/// An event and when it happened, from the beginning of the story.
pub(super) type Told = (Duration, Event);

/// Keeps every event, shows it where it is to be shown, and stops the story at its last step.
pub(super) struct Listener {
    begun: Instant,
    shown: Option<Progress>,
    until: Option<String>,
    cancel: Cancel,
    reached: AtomicBool,
    told: Mutex<Vec<Told>>,
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
            told: Mutex::default(),
            subject: Mutex::default(),
        }
    }

    /// Everything that was told.
    pub(super) fn told(&self) -> Vec<Told> {
        self.told.lock().map(|told| told.clone()).unwrap_or_default()
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
        if let Ok(mut told) = self.told.lock() {
            told.push((self.begun.elapsed(), event.clone()));
        }
        if self.ends_with(event) {
            self.reached.store(true, Ordering::Relaxed);
            self.cancel.set();
        }
    }
}
