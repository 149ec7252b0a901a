/**
 * The workers that training shares.
 * @module
 */
import { Team } from "../../../src/kernels/runtime/team.ts";
import { program } from "../../../src/kernels/generated/training.ts";

let team: Team | undefined;

/** One team for all trainers, its workers started. */
export async function trainingTeam(): Promise<Team> {
  team ??= new Team(undefined, program, {
    onProblem: ({ wanted, running, reason }) =>
      console.warn(`${running} of ${wanted} threads train: ${reason}`),
  });
  await team.start();
  return team;
}
