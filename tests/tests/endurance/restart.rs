//! The server behind goes and comes back; the product starts anew.

use std::time::{Duration, Instant};

use causeway_tests::{Product, ProductOptions, World, WorldOptions};

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let mut world = World::start(WorldOptions::default()).await.expect("a world");
    let folder = world.folder("restart");
    folder.write("a.txt", "content");
    let share = world.viewer().on(world.connection());
    let path = folder.at("a.txt");
    for _ in 0..3 {
        let _ = share.info(&path).send().await.expect(200);
        world.samba_mut().kill9();
        share.info(&path).send().await.expect(502).detail();
        world.samba_mut().restart().expect("a new server");
        let found = world.until_answered(200, || share.download(&path)).await;
        assert_eq!(found.text(), "content");
        let _ = share.list(folder.path()).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_a_timeout_for_those_who_wait_and_nobody_else() {
    let world = World::start(WorldOptions::default()).await.expect("a world");
    let folder = world.folder("hangs");
    folder.write("a.txt", "content");
    let share = world.viewer().on(world.connection());
    let path = folder.at("a.txt");
    let _ = share.info(&path).send().await.expect(200);
    world.samba().freeze();
    let start = Instant::now();
    let answer = share.info(&path).send().await;
    assert_eq!(answer.status(), 504, "{}", answer.text());
    assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
    let _ = world.anonymous().get("/api/health").send().await.expect(200);
    world.samba().thaw();
    world.until_answered(200, || share.info(&path)).await;
}

#[tokio::test]
async fn the_second_start_is_quick_and_both_ends_are_clean() {
    let mut product =
        Product::start(ProductOptions { own_cache: true, ..ProductOptions::default() }).expect("a start");
    println!("start with an empty cache: {:?}", product.started_in());
    assert!(product.stop().expect("a clean end").success());
    product.start_again().expect("a second start");
    println!("start with a warm cache: {:?}", product.started_in());
    assert!(product.started_in() < Duration::from_secs(2), "{:?}", product.started_in());
    assert!(product.stop().expect("a clean end").success());
}
