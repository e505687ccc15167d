//! `refero verify`: every derived table rebuilt and compared.

use domain::ids::ProgramId;
pub use store::verify::Finding;

use crate::App;
use crate::error::Result;

/// What is wrong with a program's books; nothing if all is well.
pub async fn program(app: &App, program: ProgramId) -> Result<Vec<Finding>> {
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    crate::program::by_id(&mut connection, program).await?;
    drop(connection);
    crate::sequencer::number_all(app, program).await;
    Ok(store::verify::run(app.pool(), program).await?)
}
