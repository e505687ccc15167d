//! The product once more on the database of a test, as another process would run it.

use app::App;
use app::config::Config;
use app::secret::Secret;

use crate::{TestApp, config};

impl TestApp {
    /// Starts the product again beside the first, with connections of its own. Stop it before the test ends.
    pub async fn beside(&self, connections: u32) -> App {
        self.on(&self.database.url, connections).await
    }

    /// [`TestApp::beside`] with settings of the process.
    pub async fn beside_with(&self, config: Config, connections: u32) -> App {
        let pool = store::connect(&self.database.url, connections).await.expect("the test database answers");
        let app = App::start(pool, Secret::new(&[7; 32]), self.clock.clone(), config).await;
        app.expect("the product starts")
    }

    /// Starts the product again, on another way to the database.
    pub(crate) async fn on(&self, url: &str, connections: u32) -> App {
        let pool = store::connect(url, connections).await.expect("the test database answers");
        let app = App::start(pool, Secret::new(&[7; 32]), self.clock.clone(), config()).await;
        app.expect("the product starts")
    }
}
