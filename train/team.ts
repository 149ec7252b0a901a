/**
 * The workers that training shares.
 * @module
 */
import { Team } from "../src/kernels/team.ts";
import { program } from "../src/kernels/training_wasm.ts";

let team: Team | undefined;

/** One team for all trainers, its workers started. */
export async function trainingTeam(): Promise<Team> {
  team ??= new Team(undefined, program);
  await team.start();
  return team;
}
