//! Alert rules and alerts as people see them: made, changed, looked at.

use std::sync::Arc;

use super::Service;
use crate::alert::{Alert, AlertId, Rule};
use crate::error::{Error, FieldError};
use crate::job::Name;
use crate::limits;
use crate::store::alerts::{AlertFilter, AlertPage, KeptRule, RuleKept, RuleRemoved};
use crate::store::schedules::Which;
use crate::store::{Expected, PageOf};

impl Service {
    /// Keeps a rule in place of the one with its name, if that is as expected. The answer says whether none was there before.
    /// It is looked at within the second.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bound or a scope that breaks a rule, [`Error::Unmatched`], [`Error::Full`].
    pub async fn put_alert_rule(&self, rule: Rule, expected: Expected) -> Result<(Arc<KeptRule>, bool), Error> {
        let complaints = rule.complaints().into_iter();
        let mut faults: Vec<_> = complaints
            .map(|complaint| FieldError { field: complaint.field.to_owned(), message: complaint.message })
            .collect();
        if let Some(which) = rule.schedule.as_deref().filter(|_| faults.is_empty())
            && self.parts.schedules.schedule(Which::of(which)).await?.is_none()
        {
            let message = format!("there is no schedule with the id or name `{which}`; make it first");
            faults.push(FieldError { field: "schedule".to_owned(), message });
        }
        if !faults.is_empty() {
            return Err(Error::fields(faults));
        }
        let name = rule.name.clone();
        match self.store().alerts().put_rule(rule, expected).await? {
            RuleKept::Made(kept) => Ok((kept, true)),
            RuleKept::Replaced(kept) => Ok((kept, false)),
            RuleKept::Unexpected(there) => Err(unmatched(&name, there.as_deref())),
            RuleKept::Full => Err(Error::Full { what: "alert rules", max: limits::ALERT_RULES_MAX }),
        }
    }

    /// All alert rules, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn alert_rules(&self) -> Result<Vec<Arc<KeptRule>>, Error> {
        Ok(self.store().alerts().rules().await?)
    }

    /// The alert rule of a name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn alert_rule(&self, name: &Name) -> Result<Arc<KeptRule>, Error> {
        let rules = self.store().alerts().rules().await?;
        rules.into_iter().find(|kept| kept.rule.name == *name).ok_or_else(|| no_rule(name))
    }

    /// Forgets an alert rule, if it is as expected. What fires because of it clears.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, [`Error::Unmatched`] when it is another one.
    pub async fn remove_alert_rule(&self, name: Name, expected: Expected) -> Result<(), Error> {
        match self.store().alerts().remove_rule(name.clone(), expected).await? {
            RuleRemoved::Done => Ok(()),
            RuleRemoved::Absent => Err(no_rule(&name)),
            RuleRemoved::Unexpected(there) => Err(unmatched(&name, Some(&there))),
        }
    }

    /// An alert.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn alert(&self, id: AlertId) -> Result<Arc<Alert>, Error> {
        let found = self.store().alerts().alert(id).await?;
        found.ok_or_else(|| Error::NotFound { what: "alert", id: id.to_string() })
    }

    /// A page of the alerts that a filter names, those that fired last first, with their total.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the page is larger or deeper than the bounds allow.
    pub async fn alerts(&self, filter: AlertFilter, page: AlertPage) -> Result<PageOf<Arc<Alert>>, Error> {
        if !(1..=limits::PAGE_MAX).contains(&page.limit) {
            return Err(Error::field("limit", format!("must be between 1 and {}", limits::PAGE_MAX)));
        }
        if page.offset > limits::OFFSET_MAX {
            return Err(Error::field("offset", format!("must be at most {}", limits::OFFSET_MAX)));
        }
        Ok(self.store().alerts().list_alerts(filter, page).await?)
    }

    /// How many alerts fire.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn alerts_firing(&self) -> Result<u64, Error> {
        let none = AlertPage { limit: 0, offset: 0 };
        Ok(self.store().alerts().list_alerts(AlertFilter::firing(), none).await?.total)
    }
}

fn no_rule(name: &Name) -> Error {
    Error::NotFound { what: "alert rule", id: name.to_string() }
}

fn unmatched(name: &Name, there: Option<&KeptRule>) -> Error {
    Error::Unmatched(match there {
        Some(kept) => {
            format!("alert rule `{name}` is of revision {} now; look at it again and decide anew", kept.revision)
        }
        None => format!("there is no alert rule `{name}`"),
    })
}
