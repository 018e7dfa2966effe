import Foundation
import Testing

@Suite("what a crash has left", .enabled(if: geteuid() == 0, "needs root"))
struct LeftoversTests {
    @Test("the next container's create removes what nobody makes any more, and nothing else")
    func sweep() throws {
        let text = try World.run(
            """
            mount -t tmpfs none /var/lib; true & dead=$!; wait $dead
            mkdir -p /run/runcvm/lives /var/lib/runcvm/containers/{lives,dead} /var/lib/runcvm/images
            touch /var/lib/runcvm/images/ab.{erofs.$dead.new,erofs.$$.new,made,lock}
            touch /run/runcvm/.host-mode.lock /run/runcvm/.ip_forward.{$dead,$$}.new; mkdir /run/runcvm/web.$dead.new
            mkdir /run/bundle; echo '{}' >/run/bundle/config.json
            "$runcvm" oci-adapt --id web --bundle /run/bundle 2>/dev/null || true
            find /var/lib/runcvm /run/runcvm -mindepth 1 | sed "s/$dead/DEAD/; s/[.]$$/.LIVE/" | sort
            """)
        #expect(
            text
                == """
                /run/runcvm/.host-mode.lock
                /run/runcvm/.ip_forward.LIVE.new
                /run/runcvm/lives
                /run/runcvm/web.DEAD.new
                /var/lib/runcvm/containers
                /var/lib/runcvm/containers/lives
                /var/lib/runcvm/images
                /var/lib/runcvm/images/ab.erofs.LIVE.new
                /var/lib/runcvm/images/ab.lock
                /var/lib/runcvm/images/ab.made

                """)
    }
}
