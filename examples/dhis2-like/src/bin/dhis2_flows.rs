//! The flows of the dhis2 stack in Rust. What DHIS2 would answer is in the folder `data`, in DHIS2's shapes.

use std::collections::BTreeMap;
use std::path::Path;

use flowcore::{Result, artifact, flow, task};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct SystemInfo {
    version: String,
    system_name: String,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    organisation_units: Vec<OrganisationUnit>,
}

#[derive(Clone, Deserialize, Serialize)]
struct OrganisationUnit {
    name: String,
    level: u8,
}

/// A row of the table that people see.
#[derive(Serialize)]
struct Level {
    level: u8,
    units: usize,
}

fn read<T: DeserializeOwned>(name: &str) -> Result<T> {
    Ok(serde_json::from_str(&std::fs::read_to_string(Path::new("data").join(name))?)?)
}

#[task(retries = 2)]
fn system_info() -> Result<SystemInfo> {
    read("system-info.json")
}

#[task(retries = 2)]
fn organisation_units() -> Result<Vec<OrganisationUnit>> {
    Ok(read::<Answer>("organisation-units.json")?.organisation_units)
}

/// Looks whether the DHIS2 server answers.
#[flow(name = "dhis2_connection")]
async fn dhis2_connection() -> Result<SystemInfo> {
    let info = system_info().await?;
    println!("connected to {} {}", info.system_name, info.version);
    Ok(info)
}

/// Counts the organisation units at each level, and leaves a table of it.
#[flow(name = "dhis2_ou")]
async fn dhis2_ou() -> Result<Vec<OrganisationUnit>> {
    let units = organisation_units().await?;
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    for unit in &units {
        *counts.entry(unit.level).or_default() += 1;
    }
    let rows: Vec<Level> = counts.into_iter().map(|(level, units)| Level { level, units }).collect();
    artifact::table(&rows).key("organisation-units").description("Organisation units by level").save().await?;
    println!("{} organisation units at {} levels", units.len(), rows.len());
    Ok(units)
}

#[flowcore::main]
async fn main() -> Result<()> {
    dhis2_connection().await?;
    dhis2_ou().await?;
    Ok(())
}
