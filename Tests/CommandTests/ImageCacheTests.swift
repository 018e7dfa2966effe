import Foundation
import Testing

@Suite("the images that containers share", .enabled(if: geteuid() == 0, "needs root"))
struct ImageCacheTests {
    /// Two layers, an empty cache, and a mkfs.erofs that writes a line into /run/built; `$1` of `slowly` is what it waits for.
    private let world = """
        mount -t tmpfs none /var/lib; mkdir -p /run/bin /run/top /run/base; echo top >/run/top/a; echo base >/run/base/b
        real=$(command -v mkfs.erofs)
        mkfs() { printf '#!/bin/sh\\n%s\\necho >>/run/built\\nexec %s "$@"\\n' "$1" $real >/run/bin/mkfs.erofs; chmod +x /run/bin/*; }
        mkfs :; export PATH=/run/bin:$PATH; cache=/var/lib/runcvm/images
        build() { $runcvm rootfs-build /run/top /run/base; }
        built() { echo built $(wc -l </run/built); }

        """

    @Test("ten starts at once build an image once, and all have it")
    func atOnce() throws {
        let text = try World.run(
            """
            \(world)
            mkfs 'read x </run/go'; mkfifo /run/go
            for i in 0 1 2 3 4 5 6 7 8 9; do build >/run/out$i & done
            # One is at work, and nine wait for it.
            echo >/run/go; wait; cat /run/out* | sort | uniq -c | sed 's|/[^/]*$||'; built
            fsck.erofs --extract=/run/whole $cache/*.erofs >/dev/null; cat /run/whole/a /run/whole/b
            mount | grep -c overlay || true; ls -A /run/runcvm/.union
            """)
        #expect(text == "     10 /var/lib/runcvm/images\nbuilt 1\ntop\nbase\n0\n")
    }

    @Test("a build that is killed leaves no image, and the next one cleans up after it")
    func killed() throws {
        let text = try World.run(
            """
            \(world)
            mkfs 'head -c 5000 /dev/zero >$2; kill -9 $PPID'
            build || echo killed; ls $cache | sed 's/^[0-9a-f]*//; s/[0-9][0-9]*/PID/'
            mkfs :; build | sed 's|.*/||; s/^[0-9a-f]*//'; ls $cache | sed 's/^[0-9a-f]*//'; fsck.erofs $cache/*.erofs
            """)
        #expect(text.hasPrefix("killed\n.erofs.PID.new\n.lock\n.erofs\n.erofs\n.lock\n.made\n"), "\(text)")
    }

    @Test(
        "an image that was cut, altered or replaced is built again",
        arguments: [
            "truncate -s 4096 $image", "printf x | dd of=$image conv=notrunc status=none; touch -d '2020-01-01' $image",
            "cp $image /run/copy; rm $image; cp /run/copy $image", "rm $image", "rm ${image%.erofs}.made",
            ": >${image%.erofs}.made", "echo more >>${image%.erofs}.made",
        ])
    func altered(_ alter: String) throws {
        let text = try World.run(
            """
            \(world)
            image=$(build); build >/dev/null; built;
            chmod u+w $image; \(alter)
            build >/dev/null; built; fsck.erofs $image >/dev/null && echo sound; build >/dev/null; built
            """)
        #expect(text == "built 1\nbuilt 2\nsound\nbuilt 2\n")
    }

    @Test("an image goes when its layers are gone or others, unless somebody is at work on it")
    func collected() throws {
        let text = try World.run(
            """
            \(world)
            mkdir /run/other; old=$(build)
            other() { $runcvm rootfs-build /run/other >/dev/null; ls $cache | sed 's/.*\\.//' | sort | uniq -c; }
            other; rm -r /run/top
            exec 9>${old%.erofs}.lock; flock 9; other; exec 9>&-; other
            """)
        let two = "      2 erofs\n      2 lock\n      2 made\n"
        #expect(text == two + two + "      1 erofs\n      1 lock\n      1 made\n")
    }
}
