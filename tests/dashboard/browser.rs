//! A real browser without a window: Debian's Chromium through its driver, on a port that the driver chooses. Names other than this
//! machine's address lead nowhere.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use thirtyfour::extensions::query::ElementQueryable;
use thirtyfour::prelude::*;

/// Longer than anything takes that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a page is looked at that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A browser and its driver.
#[derive(Clone)]
pub struct Browser {
    pub driver: WebDriver,
    base: String,
}

/// How a browser is opened.
#[derive(Clone, Copy)]
pub struct Look {
    pub lang: &'static str,
    pub width: u32,
    pub dark: bool,
}

pub const DESK: Look = Look { lang: "en", width: 1280, dark: false };

/// Opens a browser on a server, does something with it, and closes it whatever comes of it. Without a browser it says so loudly.
pub async fn browse<F, Fut>(base: String, look: Look, act: F)
where
    F: FnOnce(Browser) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let Some((mut process, port)) = driver() else {
        let why = "no chromedriver here; scripts/test installs chromium and chromium-driver where it can";
        eprintln!("SKIPPED: {why}");
        assert!(std::env::var_os("FAENA_NO_SKIPS").is_none(), "{why}, and FAENA_NO_SKIPS is set");
        return;
    };
    let profile = tempfile::tempdir().unwrap();
    let mut wishes = DesiredCapabilities::chrome();
    let size = format!("--window-size={},900", look.width);
    let profile_flag = format!("--user-data-dir={}", profile.path().display());
    let lang = format!("--accept-lang={}", look.lang);
    for flag in [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        &size,
        &profile_flag,
        &lang,
    ] {
        wishes.add_arg(flag).unwrap();
    }
    if look.width < 500 {
        // No window is so narrow; a phone is.
        let phone = serde_json::json!({ "deviceMetrics": { "width": look.width, "height": 800, "pixelRatio": 1.0, "mobile": true } });
        wishes.add_experimental_option("mobileEmulation", phone).unwrap();
    }
    if look.dark {
        wishes.add_arg("--force-dark-mode").unwrap();
        wishes.add_arg("--blink-settings=preferredColorScheme=0").unwrap();
    }
    let opened = WebDriver::new(format!("http://127.0.0.1:{port}"), wishes).await;
    let done = match opened {
        Ok(driver) => {
            let browser = Browser { driver: driver.clone(), base };
            let done = tokio::spawn(async move { act(browser).await }).await;
            driver.quit().await.unwrap();
            Ok(done)
        }
        Err(error) => Err(error),
    };
    process.kill().unwrap();
    process.wait().unwrap();
    match done.expect("the browser does not open") {
        Ok(()) => {}
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

/// A driver, and the port that it took.
fn driver() -> Option<(Child, u16)> {
    let mut process =
        Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let port = lines.map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    Some((process, port.expect("the driver says its port")))
}

impl Browser {
    /// Goes to a page.
    pub async fn go(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.base)).await.unwrap();
    }

    /// Waits for an element.
    pub async fn see(&self, css: &str) -> WebElement {
        let query = self.driver.query(By::Css(css)).wait(PATIENCE, LOOK_EVERY);
        query.first().await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// Waits for an element with this text in it.
    pub async fn see_text(&self, css: &str, text: &str) {
        let (css, text) = (serde_json::to_string(css).unwrap(), serde_json::to_string(text).unwrap());
        self.until(&format!("[...document.querySelectorAll({css})].some((one) => one.textContent.includes({text}))"))
            .await;
    }

    /// Waits until a script of one expression says true. A page may come between.
    pub async fn until(&self, expression: &str) {
        let deadline = std::time::Instant::now() + PATIENCE;
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            let answer = self.driver.execute(format!("return ({expression});"), Vec::new()).await;
            if answer.is_ok_and(|answer| answer.convert().unwrap_or(false)) {
                return;
            }
            if std::time::Instant::now() >= deadline {
                let page: String = self.ask("document.body.innerText.slice(0, 2000)").await;
                panic!("never true: {expression}\n{page}");
            }
            look.tick().await;
        }
    }

    /// The value of an expression in the page.
    pub async fn ask<T: serde::de::DeserializeOwned>(&self, expression: &str) -> T {
        let answer = self.driver.execute(format!("return ({expression});"), Vec::new()).await.unwrap();
        answer.convert().unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Clicks an element. One that a live page has just made anew is looked for again.
    pub async fn click(&self, css: &str) {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            match self.see(css).await.click().await {
                Ok(()) => return,
                Err(error) => assert!(std::time::Instant::now() < deadline, "{css}: {error}"),
            }
        }
    }

    /// Keeps a picture of what is seen of the page below the target folder.
    pub async fn shot(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("dashboard");
        std::fs::create_dir_all(&folder).unwrap();
        self.driver.screenshot(&folder.join(format!("{name}.png"))).await.unwrap();
    }

    /// Keeps a picture of the whole page.
    pub async fn picture(&self, name: &str) {
        let height: u64 = self.ask("Math.min(3000, document.documentElement.scrollHeight)").await;
        let window = self.driver.get_window_rect().await.unwrap();
        self.driver.set_window_rect(0, 0, window.width as u32, height.max(700) as u32 + 90).await.unwrap();
        self.shot(name).await;
        self.driver.set_window_rect(0, 0, window.width as u32, window.height as u32).await.unwrap();
    }

    /// The page speaks to its server alone, and breaks no rule that it set itself.
    pub async fn stays_home(&self) {
        let foreign: Vec<String> = self
            .ask("performance.getEntriesByType('resource').map((one) => one.name).filter((name) => !name.startsWith(location.origin) && !name.startsWith('data:'))")
            .await;
        assert!(foreign.is_empty(), "{foreign:?}");
    }
}
