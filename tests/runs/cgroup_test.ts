import assert from "node:assert/strict";
import { readCgroupMemory } from "../../runs/cgroup.ts";

const MIB = 1024 * 1024;

/** Files of the kernel's, and nothing beside them. */
function reading(files: Readonly<Record<string, string>>) {
  return readCgroupMemory((path) => files[path]);
}

Deno.test("version 2: what is taken without idle files, and what may be", () => {
  assert.deepEqual(
    reading({
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/memory.max": `${512 * MIB}\n`,
      "/sys/fs/cgroup/memory.high": "max\n",
      "/sys/fs/cgroup/memory.current": `${300 * MIB}\n`,
      "/sys/fs/cgroup/memory.stat": `anon 1\nfile 2\ninactive_file ${100 * MIB}\nslab 3\n`,
    }),
    { used: 200 * MIB, limit: 512 * MIB },
  );
});

Deno.test("version 2: a group is slowed down at memory.high, which counts where it is lower", () => {
  assert.equal(
    reading({
      "/proc/self/cgroup": "0::/app.slice/spillway.service\n",
      "/sys/fs/cgroup/app.slice/spillway.service/memory.max": `${512 * MIB}\n`,
      "/sys/fs/cgroup/app.slice/spillway.service/memory.high": `${400 * MIB}\n`,
      "/sys/fs/cgroup/app.slice/spillway.service/memory.current": `${300 * MIB}\n`,
    })?.limit,
    400 * MIB,
  );
});

Deno.test("version 2: of all groups above, the one nearest to its limit", () => {
  assert.deepEqual(
    reading({
      "/proc/self/cgroup": "0::/pod/container\n",
      "/sys/fs/cgroup/pod/container/memory.max": `${512 * MIB}\n`,
      "/sys/fs/cgroup/pod/container/memory.current": `${100 * MIB}\n`,
      "/sys/fs/cgroup/pod/memory.max": `${600 * MIB}\n`,
      "/sys/fs/cgroup/pod/memory.current": `${550 * MIB}\n`,
    }),
    { used: 550 * MIB, limit: 600 * MIB },
  );
});

Deno.test("version 1, among other controllers", () => {
  assert.deepEqual(
    reading({
      "/proc/self/cgroup": "9:name=systemd:/\n4:memory,hugetlb:/docker/ab12\n1:cpu:/\n0::/\n",
      "/sys/fs/cgroup/memory/docker/ab12/memory.limit_in_bytes": `${512 * MIB}\n`,
      "/sys/fs/cgroup/memory/docker/ab12/memory.usage_in_bytes": `${300 * MIB}\n`,
      "/sys/fs/cgroup/memory/docker/ab12/memory.stat": `inactive_file 4096\ntotal_inactive_file ${
        100 * MIB
      }\n`,
    }),
    { used: 200 * MIB, limit: 512 * MIB },
  );
});

Deno.test("version 1: a container whose own group is mounted at the root", () => {
  assert.deepEqual(
    reading({
      "/proc/self/cgroup": "4:memory:/docker/ab12\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${512 * MIB}\n`,
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${300 * MIB}\n`,
    }),
    { used: 300 * MIB, limit: 512 * MIB },
  );
});

Deno.test("nothing where no group has a limit, and where there are no groups", () => {
  assert.equal(reading({}), undefined);
  assert.equal(
    reading({
      "/proc/self/cgroup": "4:memory:/\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${300 * MIB}\n`,
    }),
    undefined,
  );
  assert.equal(
    reading({
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/memory.max": "max\n",
      "/sys/fs/cgroup/memory.current": `${300 * MIB}\n`,
    }),
    undefined,
  );
});
