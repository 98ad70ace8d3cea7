//! The built-in systems of equations.

use ad_algorithms::matrix_free::{Identity, Preconditioner, Vector};
use ad_algorithms::problems::{
    Bratu1d, Bratu2d, BroydenTridiagonal, ChandrasekharH, ConvectionDiffusion, Poisson, Problem,
    Rosenbrock,
};
use ad_api::array::{Array, ArrayFunction, Dims, Tensor};
use ad_api::{Failure, Result};
use clap::ValueEnum;
use serde::Serialize;

use crate::InputError;

/// The names of the systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SystemName {
    /// A solid fuel on the unit square, -Δu = λ exp(u): --n points in each direction, --lambda
    Bratu,
    /// The same on the unit interval: --n points, --lambda
    #[value(name = "bratu-1d")]
    #[serde(rename = "bratu-1d")]
    Bratu1d,
    /// Chandrasekhar's H equation of radiative transfer: --n nodes, --c
    Chandrasekhar,
    /// Convection and diffusion on the unit square: --n points in each direction
    ConvectionDiffusion,
    /// Broyden's tridiagonal system: --n unknowns
    Broyden,
    /// Pairs of Rosenbrock's equations: --n unknowns
    Rosenbrock,
}

/// What a system is made from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parameters {
    /// The size.
    pub n: Option<usize>,
    /// The parameter of the Bratu problems.
    pub lambda: Option<f64>,
    /// The parameter of the H equation.
    pub c: Option<f64>,
}

/// A built-in system with its parameters.
///
/// One type for all of them, since every type of function is compiled for every backend.
#[derive(Debug, Clone)]
pub struct System {
    name: SystemName,
    n: usize,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Bratu(f64, Bratu2d),
    Bratu1d(f64, Bratu1d),
    Chandrasekhar(f64, ChandrasekharH),
    ConvectionDiffusion(ConvectionDiffusion),
    Broyden(BroydenTridiagonal),
    Rosenbrock(Rosenbrock),
}

/// Evaluates an expression for whichever system it is.
macro_rules! on_kind {
    ($system:expr, $f:ident => $body:expr) => {
        match &$system.kind {
            Kind::Bratu(_, $f) => $body,
            Kind::Bratu1d(_, $f) => $body,
            Kind::Chandrasekhar(_, $f) => $body,
            Kind::ConvectionDiffusion($f) => $body,
            Kind::Broyden($f) => $body,
            Kind::Rosenbrock($f) => $body,
        }
    };
}

impl SystemName {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            SystemName::Bratu => "bratu",
            SystemName::Bratu1d => "bratu-1d",
            SystemName::Chandrasekhar => "chandrasekhar",
            SystemName::ConvectionDiffusion => "convection-diffusion",
            SystemName::Broyden => "broyden",
            SystemName::Rosenbrock => "rosenbrock",
        }
    }

    /// Whether its unknowns are the points of a square.
    fn is_square(self) -> bool {
        matches!(self, SystemName::Bratu | SystemName::ConvectionDiffusion)
    }

    /// Whether `poisson` is a preconditioner for it.
    pub fn has_poisson(self) -> bool {
        self.is_square()
    }
}

impl System {
    /// The system with this name, with the customary values of the parameters that are not given.
    ///
    /// # Errors
    ///
    /// [`InputError::Unsuited`] for a parameter that it does not have, [`InputError::Backend`] for
    /// a value that makes no sense.
    pub fn new(name: SystemName, parameters: Parameters) -> Result<Self, InputError> {
        use SystemName::{Bratu, Broyden, Chandrasekhar, ConvectionDiffusion, Rosenbrock};
        let Parameters { n, lambda, c } = parameters;
        let unsuited = |option, of: &str| InputError::Unsuited {
            option,
            what: format!("`{}`", name.name()),
            reason: format!("it is a parameter of {of}"),
        };
        if lambda.is_some() && !matches!(name, Bratu | SystemName::Bratu1d) {
            return Err(unsuited("--lambda", "`bratu` and `bratu-1d`"));
        }
        if c.is_some() && name != Chandrasekhar {
            return Err(unsuited("--c", "`chandrasekhar`"));
        }
        let n = n.unwrap_or(match name {
            Bratu | ConvectionDiffusion => 64,
            SystemName::Bratu1d | Chandrasekhar => 100,
            Broyden | Rosenbrock => 1000,
        });
        let kind = match name {
            Bratu => {
                let lambda = lambda.unwrap_or(6.0);
                Kind::Bratu(lambda, Bratu2d::new(n, lambda)?)
            }
            SystemName::Bratu1d => {
                let lambda = lambda.unwrap_or(2.0);
                Kind::Bratu1d(lambda, Bratu1d::new(n, lambda)?)
            }
            Chandrasekhar => {
                let c = c.unwrap_or(0.9);
                Kind::Chandrasekhar(c, ChandrasekharH::new(n, c)?)
            }
            ConvectionDiffusion => {
                Kind::ConvectionDiffusion(ad_algorithms::problems::ConvectionDiffusion::new(n)?)
            }
            Broyden => Kind::Broyden(BroydenTridiagonal::new(n)?),
            Rosenbrock => Kind::Rosenbrock(ad_algorithms::problems::Rosenbrock::new(n)?),
        };
        Ok(System { name, n, kind })
    }

    /// Its name.
    pub fn name(&self) -> SystemName {
        self.name
    }

    /// Its name with its parameters, as `bratu, n = 64, lambda = 6`.
    pub fn description(&self) -> String {
        let (name, n) = (self.name.name(), self.n);
        match self.kind {
            Kind::Bratu(lambda, _) | Kind::Bratu1d(lambda, _) => {
                format!("{name}, n = {n}, lambda = {lambda}")
            }
            Kind::Chandrasekhar(c, _) => format!("{name}, n = {n}, c = {c}"),
            _ => format!("{name}, n = {n}"),
        }
    }

    /// The number of unknowns.
    pub fn unknowns(&self) -> usize {
        self.inputs().iter().map(Dims::count).sum()
    }

    /// The points in each direction, if the unknowns are those of a square.
    pub fn side(&self) -> Option<usize> {
        self.name.is_square().then_some(self.n)
    }

    /// The solution, where it is known in closed form.
    pub fn answer(&self) -> Option<Vec<f64>> {
        match &self.kind {
            Kind::ConvectionDiffusion(problem) => Some(problem.answer()),
            Kind::Rosenbrock(_) => Some(vec![1.0; self.n]),
            _ => None,
        }
    }

    /// What the unknowns are a function of, as abscissas and their name; for systems on a line.
    pub fn abscissas(&self) -> (Vec<f64>, &'static str) {
        let n = self.n as f64;
        let at = |f: &dyn Fn(f64) -> f64| (0..self.n).map(|k| f(k as f64)).collect();
        match self.kind {
            Kind::Bratu1d(..) => (at(&|k| (k + 1.0) / (n + 1.0)), "x"),
            Kind::Chandrasekhar(..) => (at(&|k| (k + 0.5) / n), "µ"),
            _ => (at(&|k| k + 1.0), "unknown"),
        }
    }

    /// The name of the unknowns.
    pub fn unknown(&self) -> &'static str {
        match self.kind {
            Kind::Bratu(..) | Kind::Bratu1d(..) | Kind::ConvectionDiffusion(_) => "u",
            Kind::Chandrasekhar(..) => "H",
            Kind::Broyden(_) | Kind::Rosenbrock(_) => "x",
        }
    }

    /// The inverse of its Laplacian.
    ///
    /// # Errors
    ///
    /// [`InputError::Unsuited`] for a system without one.
    pub fn poisson(&self) -> Result<Inverse, InputError> {
        Ok(Inverse::Poisson(match self.kind {
            Kind::Bratu(..) => Poisson::scaled(self.n)?,
            Kind::ConvectionDiffusion(_) => Poisson::negative(self.n)?,
            _ => {
                return Err(InputError::Unsuited {
                    option: "--preconditioner poisson",
                    what: format!("`{}`", self.name.name()),
                    reason: "it is for `bratu` and `convection-diffusion`, on the unit square"
                        .into(),
                });
            }
        }))
    }
}

impl ArrayFunction for System {
    fn inputs(&self) -> Vec<Dims> {
        on_kind!(self, f => f.inputs())
    }

    fn outputs(&self) -> Vec<Dims> {
        on_kind!(self, f => f.outputs())
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        on_kind!(self, f => f.eval(x))
    }
}

impl Problem for System {
    fn start(&self) -> Vec<f64> {
        on_kind!(self, f => f.start())
    }
}

/// A preconditioner.
#[derive(Debug, Clone)]
pub enum Inverse {
    /// None.
    Identity(Identity),
    /// The inverse of the Laplacian.
    Poisson(Poisson),
}

impl<V: Vector> Preconditioner<V> for Inverse
where
    Poisson: Preconditioner<V>,
{
    fn setup(&mut self, x: &V) -> Result<()> {
        match self {
            Inverse::Identity(identity) => identity.setup(x),
            Inverse::Poisson(poisson) => poisson.setup(x),
        }
    }

    fn apply(&self, v: &V) -> Result<V> {
        match self {
            Inverse::Identity(identity) => identity.apply(v),
            Inverse::Poisson(poisson) => poisson.apply(v),
        }
    }
}
