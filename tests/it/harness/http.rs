//! One way to make an HTTP client in tests.

/// A client that ignores the machine's proxy settings and does not follow redirects.
/// reqwest needs rustls' provider chosen once a process, even for plain HTTP; a second choice is refused and harmless.
pub fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("an HTTP client")
}
