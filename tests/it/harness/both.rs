//! One function, two tests: each test fails alone, and the two run at the same time.

/// Makes two tests, `mariadb` and `sqlite`, of each function that takes a database.
macro_rules! on_both_stores {
    ($(async $test:ident),+ $(,)?) => {
        $(mod $test {
            #[tokio::test(flavor = "multi_thread")]
            async fn mariadb() {
                super::$test($crate::harness::TestDatabase::mariadb()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$test($crate::harness::TestDatabase::sqlite()).await;
            }
        })+
    };
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            #[test]
            fn mariadb() {
                super::$test($crate::harness::TestDatabase::mariadb());
            }

            #[test]
            fn sqlite() {
                super::$test($crate::harness::TestDatabase::sqlite());
            }
        })+
    };
}

/// Makes two tests, `separate` and `standalone`, of each function that takes a shape.
macro_rules! on_both_shapes {
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            #[tokio::test(flavor = "multi_thread")]
            async fn separate() {
                super::$test($crate::harness::Shape::Separate).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn standalone() {
                super::$test($crate::harness::Shape::Standalone).await;
            }
        })+
    };
}

pub(crate) use {on_both_shapes, on_both_stores};
