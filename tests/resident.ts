/** How much memory another process has, for benchmarks, load and attack. */

/** Resident memory of a process in bytes, undefined where it has ended. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const kib = Deno.build.os === "linux" ? await kibOfProc(pid) : await kibOfPs(pid);
  return kib > 0 ? 1024 * kib : undefined;
}

async function kibOfProc(pid: number): Promise<number> {
  try {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0); // none of one that nobody waited for
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return 0;
  }
}

async function kibOfPs(pid: number): Promise<number> {
  const args = ["-o", "rss=", "-p", `${pid}`];
  const { stdout } = await new Deno.Command("ps", { args }).output();
  return Number(new TextDecoder().decode(stdout));
}
