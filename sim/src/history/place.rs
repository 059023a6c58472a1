//! Places as words, `coordinator-0` and `participant-2`, wherever one is read or written.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Place;

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.rsplit_once('-').and_then(|(kind, index)| {
            let index = index.parse().ok()?;
            match kind {
                "coordinator" => Some(Self::Coordinator(index)),
                "participant" => Some(Self::Participant(index)),
                _ => None,
            }
        });
        parsed
            .ok_or_else(|| format!("{text:?} is not a place: write coordinator-0 or participant-N"))
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
